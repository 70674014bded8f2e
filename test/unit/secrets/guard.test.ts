import { expect, test } from 'vitest';
import { hexHashOfSessionId, makeSessionId } from '../../../src/access/session-id.ts';
import { SecretGuard } from '../../../src/vault/write/secret-guard.ts';

const CALLER = { kind: 'caller', workSessionId: 'st-1', clientId: 'ann' } as never;

// The inputs allow 32 characters for a tag, so no call reaches this today.
test('a live session id in a tag is found as in a text, and another UUID is not', async () => {
  const [live, ended] = [makeSessionId(), makeSessionId()];
  const findEnded = async (hashes: string[]) => hashes.filter((hash) => hash !== hexHashOfSessionId(live));
  const guard = new SecretGuard({} as never, { secretScan: 'warn', findEnded });
  const writing = { action: 'append', text: 'harmless', tags: ['ok', ended, live.toUpperCase()] };
  expect(await guard.check(CALLER, writing)).toEqual({
    secrets: [{ kind: 'session-id', line: 0, masked: '…' }],
  });
});
