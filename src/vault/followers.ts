import { RelayError, unauthorized } from '../errors.ts';
import type { VaultFeed } from './feed.ts';
import { isOperator, type Reader } from './policy.ts';
import type { VaultReader } from './read-store.ts';
import { NO_ENTRIES, type ReadOptions, type VaultPage } from './reading.ts';
import type { VaultEntry } from './schema.ts';
import { VaultWaiters, type WaitEnd } from './waiters.ts';

/** What a look that lasts is for. */
interface LongLook {
  reader: Reader;
  vaultId: string;
  options: ReadOptions;
  /** On the clock of `performance.now()`. */
  until: number;
}

const vaultTopic = (vaultId: string) => `vault ${vaultId}`;
const workSessionTopic = (workSessionId: string) => `work session ${workSessionId}`;

/** Changes of all of them, for operators. */
const ALL_WORK_SESSIONS = 'all work sessions';

const sessionEnded = () => unauthorized('This session ended while the request was waiting.');

const stopping = () =>
  new RelayError('SERVICE_UNAVAILABLE', 'The server is stopping; connect again.', { retryAfter: 1 });

/** Ends what follows a vault in the way that its reason asks for. */
function refuseEnd(end: WaitEnd): void {
  if (end === 'session ended') throw sessionEnded();
  if (end === 'closing') throw stopping();
}

/** A follower that is far behind gets its rows in portions. */
const WATCH_PORTION = 200;

/** Those who wait for vaults to change: until a time, or for as long as they stay. */
export class VaultFollowers {
  readonly waiters = new VaultWaiters();
  readonly #reader: VaultReader;
  readonly #feed: VaultFeed;

  constructor(reader: VaultReader, feed: VaultFeed) {
    this.#reader = reader;
    this.#feed = feed;
    feed.listen(({ vaultId, workSessionId }) => {
      this.waiters.changed(vaultTopic(vaultId));
      this.waiters.changed(workSessionTopic(workSessionId));
      this.waiters.changed(ALL_WORK_SESSIONS);
    });
  }

  /**
   * What a vault holds, or a page of it. With `wait` an empty answer waits until there is something to show, or the
   * time is up; waiting holds no database connection.
   * @throws RelayError as `VaultReader.look`, and `UNAUTHORIZED` when the session ends meanwhile
   */
  async readPage(reader: Reader, vaultId: string, options: ReadOptions): Promise<VaultPage> {
    const { wait } = options;
    const page =
      wait === undefined
        ? await this.#reader.look(reader, vaultId, options)
        : await this.#lookUntil({ reader, vaultId, options, until: performance.now() + wait * 1000 });
    if (isOperator(reader) || page.fromOutside) {
      await this.#reader.noteForeignRead(reader, vaultId, page.fromOutside);
    }
    return page;
  }

  async #lookUntil({ reader, vaultId, options, until }: LongLook): Promise<VaultPage> {
    const sessionHash = reader.origin?.sessionHash;
    const { signal } = options;
    for (;;) {
      const ms = Math.max(0, until - performance.now());
      const waiting = this.waiters.begin({ topic: vaultTopic(vaultId), sessionHash, ms, signal });
      try {
        const page = await this.#reader.look(reader, vaultId, options);
        if (page.entriesJson !== NO_ENTRIES || ms === 0) return page;
        const end = await waiting.ended;
        if (end === 'session ended') throw sessionEnded();
        if (end === 'closing' || end === 'left') return page;
      } finally {
        waiting.cancel();
      }
    }
  }

  /**
   * Every row after `since`, by seq, as it is committed, until the caller leaves.
   * @throws RelayError as `readPage`; `SERVICE_UNAVAILABLE` when the server stops, so that a follower comes back
   */
  async *watch(
    reader: Reader,
    vaultId: string,
    { since = 0, kind, signal }: Pick<ReadOptions, 'since' | 'kind' | 'signal'>,
  ): AsyncGenerator<VaultEntry> {
    let seen = since;
    for (;;) {
      const waiting = this.waiters.begin({
        topic: vaultTopic(vaultId),
        sessionHash: reader.origin?.sessionHash,
        signal,
      });
      try {
        const options = { since: seen, history: true, kind, limit: WATCH_PORTION };
        const page = await this.readPage(reader, vaultId, options);
        yield* page.entries;
        seen = page.entries.at(-1)?.seq ?? seen;
        if (page.nextCursor !== null) continue;
        const end = await waiting.ended;
        if (end === 'left') return;
        refuseEnd(end);
      } finally {
        waiting.cancel();
      }
    }
  }

  /**
   * Vaults of the reader's work session, or all for an operator, as they change, with their new heads, until the caller leaves.
   * @throws RelayError `UNAUTHORIZED` when the session ends, `SERVICE_UNAVAILABLE` when the server stops
   */
  async *changes(reader: Reader, signal?: AbortSignal): AsyncGenerator<{ vault_id: string; head: number }> {
    const heads = new Map<string, number>();
    const stopListening = this.#feed.listen(({ workSessionId, vaultId, seq }) => {
      if (isOperator(reader) || workSessionId === reader.workSessionId)
        heads.set(vaultId, Math.max(heads.get(vaultId) ?? 0, seq));
    });
    try {
      for (;;) {
        const topic = isOperator(reader) ? ALL_WORK_SESSIONS : workSessionTopic(reader.workSessionId);
        const waiting = this.waiters.begin({ topic, sessionHash: reader.origin?.sessionHash, signal });
        try {
          const changed = [...heads];
          heads.clear();
          for (const [vault_id, head] of changed) yield { vault_id, head };
          if (heads.size > 0) continue;
          const end = await waiting.ended;
          if (end === 'left') return;
          refuseEnd(end);
        } finally {
          waiting.cancel();
        }
      }
    } finally {
      stopListening();
    }
  }
}
