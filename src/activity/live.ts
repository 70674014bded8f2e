import { isOperator, type Reader } from '../access/policy.ts';
import { concerns } from '../vault/follow/changes.ts';
import type { VaultFeed } from '../vault/follow/feed.ts';
import { RightToFollow } from '../vault/follow/right-to-follow.ts';
import type { VaultWaiters } from '../vault/follow/waiters.ts';
import { microsOf } from './cursor.ts';
import type { ActivityEvent, ActivityRow, Presence } from './schema.ts';
import type { ActivityStore } from './store.ts';

/** Most announced rows that a stream keeps until it delivers them. */
const MAX_PENDING = 500;
/** Most rows that a client that resumes is sent. */
const MAX_RESUMED = 200;
/**
 * How far a client that resumes is taken back. A row may become visible after a later one of another vault, by the time that
 * its transaction may last.
 */
const OVERLAP_US = 30_000_000;
/** Most rows of one event. */
const AT_ONCE = 100;
/** Between two looks at who is present. */
const PRESENCE_MS = 2000;

interface LiveDeps {
  store: ActivityStore;
  feed: VaultFeed;
  waiters: VaultWaiters;
  /** Who is present in the reader's work session; null for a reader who may not know. */
  presence(reader: Reader): Promise<Presence | null>;
}

interface WatchOptions {
  /** µs since 1970; undefined: a client that loads a page itself. */
  since?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Reserves the memory of so many bytes of JSON. @throws RelayError `SERVICE_UNAVAILABLE` */
  hold(bytes: number): () => void;
}

/** Streams of what happens in all vaults of a reader's work session. */
export class LiveActivity {
  readonly #deps: LiveDeps;

  constructor(deps: LiveDeps) {
    this.#deps = deps;
  }

  /**
   * Yields who is present, and then rows soon after they are committed, until the reader leaves. A client that resumes may get
   * rows again. `gap` says that rows may be missing.
   * @throws RelayError `UNAUTHORIZED` when the credential ends, `SERVICE_UNAVAILABLE` when the server stops
   */
  async *watch(reader: Reader, { since, signal, hold }: WatchOptions): AsyncGenerator<ActivityEvent> {
    const { store, feed, waiters } = this.#deps;
    const announced = new Announced(reader, feed);
    const right = new RightToFollow(waiters, {
      reader,
      signal,
      onEnd: announced.wake,
      onLookAgain: announced.lost,
    });
    let shown: string | undefined;
    try {
      await store.note(reader);
      let at = since ?? (await store.now());
      if (since !== undefined) {
        const { rows, before } = await store.page(reader, { since: since - OVERLAP_US, limit: MAX_RESUMED });
        if (before !== null) announced.lost();
        for (const some of portionsOf(rows.toReversed())) yield* told({ type: 'rows', rows: some, at }, hold);
      }
      let lookAt = 0;
      while (!right.hasLeft()) {
        const { gap, rows: questions } = announced.take();
        if (gap) yield { type: 'gap', at };
        const rows = await this.#rowsOf(reader, questions);
        if (right.hasLeft()) return;
        for (const some of portionsOf(rows)) {
          at = Math.max(at, ...some.map((row) => microsOf(row.at)));
          yield* told({ type: 'rows', rows: some, at }, hold);
        }
        if (performance.now() >= lookAt) {
          const present = await this.#deps.presence(reader);
          const now = JSON.stringify(present);
          if (now !== shown) yield { type: 'present', present, at };
          shown = now;
          lookAt = performance.now() + PRESENCE_MS;
        }
        await announced.next(lookAt - performance.now());
      }
    } finally {
      right.cancel();
      announced.close();
    }
  }

  async #rowsOf(reader: Reader, questions: { vaultId: string; n: number }[]): Promise<ActivityRow[]> {
    const workSessionId = isOperator(reader) ? null : reader.workSessionId;
    const rows = await Promise.all(
      questions.map((question) => this.#deps.store.row({ ...question, workSessionId })),
    );
    return rows.filter((row) => row !== undefined);
  }
}

const portionsOf = (rows: ActivityRow[]): ActivityRow[][] =>
  Array.from({ length: Math.ceil(rows.length / AT_ONCE) }, (_, n) =>
    rows.slice(n * AT_ONCE, (n + 1) * AT_ONCE),
  );

/** Yields an event, whose memory is reserved until it is delivered. */
function* told(event: ActivityEvent, hold: WatchOptions['hold']): Generator<ActivityEvent> {
  const release = hold(JSON.stringify(event).length);
  try {
    yield event;
  } finally {
    release();
  }
}

/** The rows that were announced to a reader and are not delivered yet. */
class Announced {
  readonly #stops: (() => void)[];
  #rows = new Map<string, { vaultId: string; n: number }>();
  #gap = false;
  #wake = () => {};

  constructor(reader: Reader, feed: VaultFeed) {
    const add = (vaultId: string, n: number) => {
      if (this.#rows.size >= MAX_PENDING) this.#gap = true;
      else this.#rows.set(`${n} ${vaultId}`, { vaultId, n });
      this.#wake();
    };
    this.#stops = [
      feed.listen((write) => concerns(reader, write) && add(write.vaultId, write.seq)),
      feed.listenToReads((read) => concerns(reader, read) && add(read.vaultId, -read.id)),
    ];
  }

  readonly wake = (): void => this.#wake();

  /** Announcements may have been lost. */
  readonly lost = (): void => {
    this.#gap = true;
    this.#wake();
  };

  take(): { gap: boolean; rows: { vaultId: string; n: number }[] } {
    const taken = { gap: this.#gap, rows: [...this.#rows.values()] };
    this.#gap = false;
    this.#rows.clear();
    return taken;
  }

  /** Waits for something to take, for `wake`, or for so many ms. */
  async next(ms: number): Promise<void> {
    if (this.#gap || this.#rows.size > 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, Math.max(0, ms));
    });
    clearTimeout(timer);
    this.#wake = () => {};
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }
}
