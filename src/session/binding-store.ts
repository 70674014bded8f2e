import { hashSessionId, hexHashOfSessionId } from '../access/session-id.ts';
import { type BindingSource, type Source, sourceColumns } from '../access/source.ts';
import type { Database } from '../db/client.ts';
import { atMost } from '../queues/at-most.ts';
import { BIND, LOOK_AT_BINDINGS, UNBIND } from './binding-sql.ts';

/** `refused`: another Astation holds the session, or it has ended. `full`: the Astation holds as many as it may. */
export type BindOutcome = 'bound' | 'refused' | 'pending' | 'full';

/** What a change of bindings would do, see `LOOK_AT_BINDINGS`. */
interface Outlook {
  changes: number;
  refused: number;
  pending: number;
  surplus: number;
}

interface Change {
  astationId: string;
  idHashes: Buffer[];
  /** Whether the bindings become exactly these. */
  exact: boolean;
  from: Source | undefined;
}

/** Sets that are put into force at a time: they are long statements, and others need the connections too. */
const MAX_SETS_AT_ONCE = 2;

/** Astations whose last set is remembered. */
const MAX_REMEMBERED = 10_000;

const hashes = (sessionIds: readonly string[]) => [...new Set(sessionIds)].map(hashSessionId);

/** Which sessions are bound to which Astation. Only a verified Astation may call these for itself. */
export class BindingStore {
  readonly #db: Database;
  /** A digest of the set that each Astation asked for last: its refusals are in the audit log. */
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
   * Makes the bindings of the Astation exactly this set. A repeated set that changes nothing costs one look.
   * @returns how many were left alone, and the hashes (hexadecimal) of the sessions that are no longer bound
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
