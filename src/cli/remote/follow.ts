import { setTimeout } from 'node:timers/promises';
import type { Entry, VaultRelayClient } from '../../client/index.ts';
import { explainRemote, RemoteError } from './failure.ts';

export interface Following {
  vaultId: string;
  /** Only rows with a greater seq. */
  since: number;
  kind?: 'content' | 'summary' | 'all' | undefined;
}

export interface FollowOptions {
  /** Of the server, for sentences. */
  url: string;
  /** Ends the rows without an error. */
  signal: AbortSignal;
  /** Learns of each outage once, and of its end (undefined). */
  onOutage?(error: RemoteError | undefined): void;
}

/** Seconds that one read waits for rows. The server takes up to 25. */
const WAIT = 25;
/** Rows of one answer. */
const ROWS = 200;
/** Pauses in seconds between attempts: the first, and the longest. */
const [FIRST_PAUSE, LONGEST_PAUSE] = [0.5, 30];
/** The longest pause that a server may ask for. */
const LONGEST_ASKED = 300;

/** @returns the seq of the newest row of a vault, 0 for an empty one @throws what the typed client throws */
export async function headOf(client: VaultRelayClient, vaultId: string): Promise<number> {
  const { head } = await client.vault.readPage.query({
    vault_id: vaultId,
    since: Number.MAX_SAFE_INTEGER,
    limit: 1,
  });
  return head;
}

/**
 * Waits before the next attempt, some longer than others, so that followers do not come back all at once. The signal ends
 * the wait.
 * @param failures those in a row before this one @param asked seconds that the server asks for
 */
export function pauseAfter(failures: number, asked: number | undefined, signal: AbortSignal): Promise<void> {
  const own = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** failures);
  const seconds = Math.max(own, Math.min(asked ?? 0, LONGEST_ASKED));
  // The signal ends the pause early, and the caller's loop looks at the signal.
  return setTimeout(seconds * 1000 * (1 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
}

/**
 * Yields every row of a vault in the order of `seq`, as it is committed, until the signal. It asks by waiting reads, so that
 * rows stay on the server until they are wanted, and pass proxies that hold back streams. After a failure that may pass, it
 * asks again from the last row.
 * @throws RemoteError for a failure that will not pass, such as an ended credential
 */
export async function* followVault(
  client: VaultRelayClient,
  { vaultId, since, kind }: Following,
  { url, signal, onOutage }: FollowOptions,
): AsyncGenerator<Entry> {
  let seen = since;
  let failures = 0;
  while (!signal.aborted) {
    try {
      const ask = { vault_id: vaultId, since: seen, history: true, kind, limit: ROWS, wait: WAIT };
      const { entries, head, next_cursor } = await client.vault.readPage.query(ask, { signal });
      if (failures > 0) onOutage?.(undefined);
      failures = 0;
      for (const entry of entries) {
        if (signal.aborted) return;
        yield entry;
        seen = entry.seq;
      }
      // Without a further page, rows up to the head that this kind leaves out count as seen.
      if (next_cursor === null) seen = Math.max(seen, head);
    } catch (thrown) {
      if (signal.aborted) return;
      const error = explainRemote(thrown, { url });
      if (!(error instanceof RemoteError && error.isTransient)) throw error;
      if (failures === 0) onOutage?.(error);
      await pauseAfter(failures++, error.retryAfter, signal);
    }
  }
}
