import { EventEmitter, once } from 'node:events';
import type { VaultRelayClient } from '../../client/index.ts';
import { explainRemote, RemoteError } from '../remote/failure.ts';
import { pauseAfter } from '../remote/follow.ts';

/** Vaults of one page of the list. */
const LISTED = 1000;

/** A vault and its head. */
export interface Changed {
  vaultId: string;
  head: number;
}

/** A server, and a client of it. */
export interface Calls {
  client: VaultRelayClient;
  /** For sentences. */
  url: string;
}

/** Yields every vault that the caller can list. @throws RemoteError */
export async function* listHeads({ client, url }: Calls): AsyncGenerator<Changed> {
  let cursor: string | undefined;
  do {
    const input = { details: true, limit: LISTED, ...(cursor !== undefined && { cursor }) };
    const page = await client.vault.listPage.query(input).catch((thrown: unknown) => {
      throw explainRemote(thrown, { url });
    });
    for (const { vault_id: vaultId, head = 0 } of page.vaults) yield { vaultId, head };
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
}

/**
 * Yields vaults that may have changed, until the signal is aborted. After each connection it yields all, because changes
 * before it are unknown.
 * @throws RemoteError for a refusal, and the reason of the signal
 */
export async function* followChanges(calls: Calls, signal: AbortSignal): AsyncGenerator<Changed> {
  const heads = new Map<string, number>();
  const events = new EventEmitter();
  let hasGap = false;
  let isOver = false;
  /** In a row. A change that arrives ends them. */
  let failures = 0;
  const lose = () => {
    hasGap = true;
    events.emit('news');
  };
  const end = () => {
    isOver = true;
    // A list tells why the stream was refused.
    lose();
  };
  const open = () =>
    calls.client.vault.changes.subscribe(undefined, {
      onStarted: lose,
      onData: ({ vault_id, head }) => {
        failures = 0;
        heads.set(vault_id, head);
        events.emit('news');
      },
      onError: end,
      onComplete: end,
    });
  let stream = open();
  try {
    for (;;) {
      if (!hasGap && heads.size === 0) await once(events, 'news', { signal });
      signal.throwIfAborted();
      if (hasGap) {
        hasGap = false;
        try {
          yield* listHeads(calls);
        } catch (error) {
          if (!(error instanceof RemoteError && error.isTransient)) throw error;
          hasGap = true;
          await pauseAfter(failures++, error.retryAfter, signal);
          signal.throwIfAborted();
        }
      }
      if (isOver) {
        isOver = false;
        await pauseAfter(failures++, undefined, signal);
        signal.throwIfAborted();
        stream = open();
      }
      for (const [vaultId, head] of heads) {
        heads.delete(vaultId);
        yield { vaultId, head };
      }
    }
  } finally {
    stream.unsubscribe();
  }
}
