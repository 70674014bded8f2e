import { setTimeout } from 'node:timers/promises';
import type { Reader } from '../../access/policy.ts';
import type { AnswerBounds } from '../../answer.ts';
import type { VaultAudit } from '../../audit/vault-audit-store.ts';
import type { Look, ReadOptions, VaultPage } from '../read/page.ts';
import { PORTION_BYTES } from '../read/portion-sql.ts';
import type { View } from '../read/view.ts';
import type { VaultViews } from '../read/view-store.ts';
import type { VaultEntry } from '../schema.ts';
import type { VaultFeed } from './feed.ts';
import { vaultTopic } from './topics.ts';
import { credentialEnded, refuseEnd, VaultWaiters } from './waiters.ts';

/** Rows per portion for a follower that is far behind. */
const WATCH_ROWS = 200;

export interface WatchOptions extends Pick<ReadOptions, 'since' | 'kind' | 'signal'> {
  /**
   * Reserves memory for rows in flight to the follower.
   * @returns releases it @throws RelayError `SERVICE_UNAVAILABLE` when there is too little
   */
  hold?: (bytes: number) => () => void;
}

const holdNothing = () => () => undefined;

/** Rows of a portion of at least this many bytes are paced. */
const PACED_FROM = 65_536;

/**
 * Bytes per millisecond that the large rows of all subscriptions share. Node 20 needs about 30 ms to write 400 KB into an
 * event stream, because its TextEncoderStream goes character by character. Without pacing, a hundred subscriptions keep
 * the event loop busy for seconds.
 */
const PACE = 10_000;

interface FollowDeps {
  views: VaultViews;
  audit: VaultAudit;
  feed: VaultFeed;
}

/** Waiting reads, which end at a time-out, and subscriptions, which last until the follower leaves. */
export class VaultFollowers {
  readonly waiters = new VaultWaiters();
  readonly #views: VaultViews;
  readonly #audit: VaultAudit;
  #lastTurn: Promise<void> = Promise.resolve();

  constructor({ views, audit, feed }: FollowDeps) {
    this.#views = views;
    this.#audit = audit;
    feed.listen(({ vaultId }) => this.waiters.changed(vaultTopic(vaultId)));
  }

  /**
   * Reads a vault, or a page of it. If the answer would be empty, the read waits up to `wait` seconds for a row.
   * A waiting read holds no database connection.
   * @throws RelayError as `VaultViews.read`, and `UNAUTHORIZED` when the credential ends during the wait
   */
  async readWithin(wait: number, view: View, bounds: AnswerBounds): Promise<VaultPage> {
    const look = await this.#lookUntil(view, bounds, performance.now() + wait * 1000);
    return this.#views.complete(view, look, bounds);
  }

  /** @param until on the clock of `performance.now()` */
  async #lookUntil(view: View, bounds: AnswerBounds, until: number): Promise<Look> {
    const { reader, vaultId, what } = view;
    const credentialHash = reader.origin?.credentialHash;
    for (;;) {
      const ms = Math.max(0, until - performance.now());
      const waiting = this.waiters.begin({
        topic: vaultTopic(vaultId),
        credentialHash,
        ms,
        signal: what.signal,
      });
      try {
        const look = await this.#views.look(view, this.#views.first(what, bounds));
        const { bytes, next } = look.portion;
        if (bytes > 0 || next !== null || ms === 0) return look;
        const end = await waiting.ended;
        if (end === 'credential ended') throw credentialEnded();
        if (end === 'closing' || end === 'left') return look;
      } finally {
        waiting.cancel();
      }
    }
  }

  /**
   * Yields every row after `since` in the order of `seq`, as it is committed, until the caller leaves.
   * @throws RelayError as `VaultViews.read`; `SERVICE_UNAVAILABLE` when the server stops, so that the follower reconnects
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
        credentialHash: reader.origin?.credentialHash,
        signal,
      });
      try {
        const view = { reader, vaultId, what: { since: seen, history: true, kind, details: true } };
        const look = await this.#views.look(view, {
          rows: WATCH_ROWS,
          bytes: PORTION_BYTES,
          continues: isBehind,
        });
        // A subscription writes one audit row, whatever it reads.
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
        // Rows that the view leaves out count as seen.
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

  /** Paces the rows of all subscriptions: resolves for one row at a time, at `PACE`. @param bytes of the row */
  #nextTurn(bytes: number): Promise<void> {
    this.#lastTurn = this.#lastTurn.then(() => setTimeout(bytes / PACE));
    return this.#lastTurn;
  }
}
