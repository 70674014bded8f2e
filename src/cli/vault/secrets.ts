import type { Secret } from '../../secrets/scan.ts';
import type { Output } from '../output.ts';

/** Warns of what the server took for a secret in a text that it wrote. */
export async function warnOfSecrets(hints: Output, secrets: readonly Secret[] = []): Promise<void> {
  for (const { kind, line, masked } of secrets) {
    const place = line === 0 ? 'a tag' : `line ${line}`;
    await hints.line(`vault-relay: warning: ${place} looks like a secret (${kind}, ${masked})`);
  }
  if (secrets.length > 0)
    await hints.line(
      'vault-relay: the text was written and stays readable; replace the secret where it is used',
    );
}
