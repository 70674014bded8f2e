import { setTimeout } from 'node:timers/promises';
import { isOperator, type Reader } from '../../access/policy.ts';
import type { AnswerBounds } from '../../answer.ts';
import type { VaultAudit } from '../../audit/vault-audit-store.ts';
import { RelayError, unauthorized } from '../../errors.ts';
import type { Look, ReadOptions, VaultPage } from '../read/page.ts';
import { PORTION_BYTES } from '../read/portion-sql.ts';
import type { VaultViews, View } from '../read/view-store.ts';
import type { VaultEntry } from '../schema.ts';
import type { VaultFeed } from './feed.ts';
import { VaultWaiters, type WaitEnd } from './waiters.ts';

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

/** Rows that a follower who is far behind gets at a time. */
const WATCH_ROWS = 200;

export interface WatchOptions extends Pick<ReadOptions, 'since' | 'kind' | 'signal'> {
  /**
   * Reserves memory for rows on their way to the follower.
   * @returns gives it back @throws RelayError `SERVICE_UNAVAILABLE` when there is too little
   */
  hold?: (bytes: number) => () => void;
}

const holdNothing = () => () => undefined;

/** Vaults whose change a subscription may still have to tell. */
const MAX_CHANGED = 10_000;

const tooFarBehind = () =>
  new RelayError(
    'SERVICE_UNAVAILABLE',
    'More vaults changed than this subscription delivered; list the vaults and subscribe again.',
    {
      retryAfter: 1,
    },
  );

/** Rows of portions from this many bytes on take turns. */
const PACED_FROM = 65_536;

/**
 * Bytes of a millisecond that large rows of all subscriptions have together. Writing a row into a stream of events costs
 * Node 20 about 30 ms for each 400 KB, because its TextEncoderStream goes character by character. Without turns a hundred
 * subscriptions keep the event loop busy for seconds.
 */
const PACE = 10_000;

interface FollowDeps {
  views: VaultViews;
  audit: VaultAudit;
  feed: VaultFeed;
}

/** Waiting reads and subscriptions: until a time, or for as long as the follower stays. */
export class VaultFollowers {
  readonly waiters = new VaultWaiters();
  readonly #views: VaultViews;
  readonly #audit: VaultAudit;
  readonly #feed: VaultFeed;
  #lastTurn: Promise<void> = Promise.resolve();

  constructor({ views, audit, feed }: FollowDeps) {
    this.#views = views;
    this.#audit = audit;
    this.#feed = feed;
    feed.listen(({ vaultId, workSessionId }) => {
      this.waiters.changed(vaultTopic(vaultId));
      this.waiters.changed(workSessionTopic(workSessionId));
      this.waiters.changed(ALL_WORK_SESSIONS);
    });
  }

  /**
   * What a vault holds, or a page of it, once there is something to show. An empty answer waits for up to `wait` seconds;
   * a waiting read holds no database connection.
   * @throws RelayError as `VaultViews.read`, and `UNAUTHORIZED` when the session ends meanwhile
   */
  async readWithin(wait: number, view: View, bounds: AnswerBounds): Promise<VaultPage> {
    const look = await this.#lookUntil(view, bounds, performance.now() + wait * 1000);
    return this.#views.complete(view, look, bounds);
  }

  /** @param until on the clock of `performance.now()` */
  async #lookUntil(view: View, bounds: AnswerBounds, until: number): Promise<Look> {
    const { reader, vaultId, what } = view;
    const sessionHash = reader.origin?.sessionHash;
    for (;;) {
      const ms = Math.max(0, until - performance.now());
      const waiting = this.waiters.begin({
        topic: vaultTopic(vaultId),
        sessionHash,
        ms,
        signal: what.signal,
      });
      try {
        const look = await this.#views.look(view, this.#views.first(what, bounds));
        const { json, next } = look.portion;
        if (json !== '' || next !== null || ms === 0) return look;
        const end = await waiting.ended;
        if (end === 'session ended') throw sessionEnded();
        if (end === 'closing' || end === 'left') return look;
      } finally {
        waiting.cancel();
      }
    }
  }

  /**
   * Every row after `since`, by seq, as it is committed, until the caller leaves.
   * @throws RelayError as `VaultViews.read`; `SERVICE_UNAVAILABLE` when the server stops, so that a follower comes back
   */
  async *watch(
    reader: Reader,
    vaultId: string,
    { since = 0, kind, signal, hold = holdNothing }: WatchOptions,
  ): AsyncGenerator<VaultEntry> {
    let seen = since;
    let noted = false;
    let isBehind = false;
    for (;;) {
      const waiting = this.waiters.begin({
        topic: vaultTopic(vaultId),
        sessionHash: reader.origin?.sessionHash,
        signal,
      });
      try {
        const view = { reader, vaultId, what: { since: seen, history: true, kind } };
        const look = await this.#views.look(view, {
          rows: WATCH_ROWS,
          bytes: PORTION_BYTES,
          continues: isBehind,
        });
        // One row for all that this subscription reads.
        if (!noted) await this.#audit.note(reader, 'watch', { vaultId, ...look });
        noted = true;
        const { json, rows, next, bytes } = look.portion;
        const release = hold(bytes);
        try {
          for (const entry of JSON.parse(`[${json}]`) as VaultEntry[]) {
            if (bytes >= PACED_FROM) await this.#nextTurn(bytes / rows);
            yield entry;
          }
        } finally {
          release();
        }
        // Rows that are not shown have been seen as well.
        seen = next ?? Math.max(seen, look.head);
        isBehind = next !== null;
        if (isBehind) continue;
        const end = await waiting.ended;
        if (end === 'left') return;
        refuseEnd(end);
      } finally {
        waiting.cancel();
      }
    }
  }

  /** Resolves for one row of all subscriptions after the other, at `PACE`. @param bytes of the row */
  #nextTurn(bytes: number): Promise<void> {
    this.#lastTurn = this.#lastTurn.then(() => setTimeout(bytes / PACE));
    return this.#lastTurn;
  }

  /**
   * Vaults of the reader's work session, or all for an operator, as they change, with their new heads, until the caller leaves.
   * @throws RelayError `UNAUTHORIZED` when the session ends, `SERVICE_UNAVAILABLE` when the server stops
   */
  async *changes(reader: Reader, signal?: AbortSignal): AsyncGenerator<{ vault_id: string; head: number }> {
    const heads = new Map<string, number>();
    const stopListening = this.#feed.listen(({ workSessionId, vaultId, seq }) => {
      const isAbout = isOperator(reader) || workSessionId === reader.workSessionId;
      // One more than may be told shows that some are missing.
      if (isAbout && (heads.size <= MAX_CHANGED || heads.has(vaultId)))
        heads.set(vaultId, Math.max(heads.get(vaultId) ?? 0, seq));
    });
    try {
      for (;;) {
        const topic = isOperator(reader) ? ALL_WORK_SESSIONS : workSessionTopic(reader.workSessionId);
        const waiting = this.waiters.begin({ topic, sessionHash: reader.origin?.sessionHash, signal });
        try {
          if (heads.size > MAX_CHANGED) throw tooFarBehind();
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
