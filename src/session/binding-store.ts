import { hashSessionId, hexHashOfSessionId } from '../access/session-id.ts';
import { type BindingSource, type Source, sourceColumns } from '../access/source.ts';
import type { Database } from '../db/client.ts';
import { atMost } from '../queues/at-most.ts';
import { BIND, LOOK_AT_BINDINGS, UNBIND } from './binding-sql.ts';

/** `refused`: another Astation holds the session, or it has ended. `full`: the Astation is at its maximum of sessions. */
export type BindOutcome = 'bound' | 'refused' | 'pending' | 'full';

/** The effects that a change of bindings would have, see `LOOK_AT_BINDINGS`. */
interface Outlook {
  changes: number;
  refused: number;
  pending: number;
  surplus: number;
}

interface Change {
  astationId: string;
  idHashes: Buffer[];
  /** Whether the set replaces all other bindings. */
  exact: boolean;
  from: Source | undefined;
}

/** The maximum of sets that are applied at once, because they are long statements that hold connections. */
const MAX_SETS_AT_ONCE = 2;

/** The number of Astations whose last set is cached. */
const MAX_REMEMBERED = 10_000;

const hashes = (sessionIds: readonly string[]) => [...new Set(sessionIds)].map(hashSessionId);

/** The bindings of sessions to Astations. Only a verified Astation may call these methods, and only for itself. */
export class BindingStore {
  readonly #db: Database;
  /** A digest of each Astation's last set, whose refusals are in the audit log already. */
  readonly #lastSet = new Map<string, string>();
  readonly #oneOfFew = atMost(MAX_SETS_AT_ONCE);

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Binds a session, or refreshes its binding. A refusal changes nothing but the audit log.
   * @throws RelayError `SERVICE_UNAVAILABLE`
   */
  async bind(astationId: string, sessionId: string, from?: Source): Promise<BindOutcome> {
    const change = { astationId, idHashes: hashes([sessionId]), exact: false, from };
    const outlook = await this.#look(change);
    if (outlook.changes + outlook.refused === 0) return 'bound';
    const { outcome, bound } = await this.#carryOut(change);
    if (outcome === 'full') return 'full';
    if (bound === 1) return 'bound';
    return outlook.pending > 0 ? 'pending' : 'refused';
  }

  /**
   * Makes the bindings of the Astation exactly this set. A repeated set without changes costs one query.
   * @returns the number of skipped sessions, and the hashes (hexadecimal) of the sessions that are no longer bound
   * @throws RelayError `SERVICE_UNAVAILABLE`, and what `from.countRows` throws; then nothing has changed
   */
  async replace(
    astationId: string,
    sessionIds: readonly string[],
    from?: BindingSource,
  ): Promise<{ skipped: number; dropped: string[] }> {
    const idHashes = hashes(sessionIds).sort(Buffer.compare);
    const change = { astationId, idHashes, exact: true, from };
    const { changes, surplus, refused } = await this.#look(change);
    const digest = hexHashOfSessionId(idHashes.map((hash) => hash.toString('hex')).join());
    const repeated = this.#lastSet.get(astationId) === digest;
    if (changes + surplus === 0 && (refused === 0 || repeated)) return { skipped: refused, dropped: [] };
    await from?.countRows?.(Math.max(changes + refused, surplus));
    const { bound, dropped } = await this.#oneOfFew(() => this.#carryOut(change));
    this.#remember(astationId, digest);
    return { skipped: idHashes.length - bound, dropped };
  }

  /**
   * Ends the binding at once, on every server. Does nothing if this Astation does not hold the session.
   * @returns the hash (hexadecimal) of the session, if it was bound
   * @throws RelayError `SERVICE_UNAVAILABLE`
   */
  async unbind(astationId: string, sessionId: string, from?: Source): Promise<string[]> {
    const rows = await this.#db.change<{ hash: string }>(
      UNBIND,
      astationId,
      hashSessionId(sessionId),
      ...sourceColumns(from),
    );
    return rows.map(({ hash }) => hash);
  }

  async #look({ astationId, idHashes }: Change): Promise<Outlook> {
    const [row] = await this.#db.rows<Outlook>(LOOK_AT_BINDINGS, astationId, idHashes);
    if (!row) throw new Error('An aggregate returned no row');
    return row;
  }

  async #carryOut({ astationId, idHashes, exact, from }: Change) {
    const [row] = await this.#db.change<{ outcome: 'done' | 'full'; bound: number; dropped: string[] }>(
      BIND,
      astationId,
      idHashes,
      exact,
      ...sourceColumns(from),
    );
    if (!row) throw new Error('bind_sessions returned no row');
    return row;
  }

  #remember(astationId: string, digest: string): void {
    this.#lastSet.delete(astationId);
    this.#lastSet.set(astationId, digest);
    const [oldest] = this.#lastSet.keys();
    if (this.#lastSet.size > MAX_REMEMBERED && oldest !== undefined) this.#lastSet.delete(oldest);
  }
}
