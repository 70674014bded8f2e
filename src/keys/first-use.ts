import { administeredWorkSession } from '../access/administered.ts';
import type { Reader } from '../access/policy.ts';
import { refuseEnd, type VaultWaiters } from '../vault/follow/waiters.ts';
import type { KeyStore } from './store.ts';

/** The topic on which a key's first use is announced. @param id of the key */
export const keyTopic = (id: string): string => `key ${id}`;

export interface FirstUseDeps {
  keys: Pick<KeyStore, 'lastUse'>;
  waiters: Pick<VaultWaiters, 'begin'>;
}

/**
 * Yields once, when a key has been used, and ends.
 * @throws RelayError `NOT_FOUND`; `UNAUTHORIZED` when the reader's credential ends, `SERVICE_UNAVAILABLE` when the server stops
 */
export async function* followFirstUse(
  { keys, waiters }: FirstUseDeps,
  { reader, id }: { reader: Reader; id: string },
  signal: AbortSignal,
): AsyncGenerator<{ used_at: string }> {
  for (;;) {
    const credentialHash = reader.origin?.credentialHash;
    const waiting = waiters.begin({ topic: keyTopic(id), credentialHash, signal });
    try {
      const used_at = await keys.lastUse(id, administeredWorkSession(reader));
      if (used_at !== null) {
        yield { used_at };
        return;
      }
      const end = await waiting.ended;
      if (end === 'left') return;
      refuseEnd(end);
    } finally {
      waiting.cancel();
    }
  }
}
