import type { Database } from '../db/client.ts';
import { hashSessionId } from './session-id.ts';

import { type Source, sourceColumns } from './source.ts';
import { BIND, REPLACE, UNBIND } from './sql.ts';

const hashes = (sessionIds: Iterable<string>) =>
  [...new Set(sessionIds)].map((id) => hashSessionId(id).toString('hex'));

/** Which sessions are bound to which Astation. Only a verified Astation may call these for itself. */
export class BindingStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** @returns false when another Astation holds the session, or it was ended */
  async bind(astationId: string, sessionId: string, from?: Source): Promise<boolean> {
    const [row] = await this.#db.rows<{ bound: number }>(
      BIND,
      astationId,
      hashes([sessionId]),
      ...sourceColumns(from),
    );
    return row?.bound === 1;
  }

  /**
   * Makes the bindings of the Astation exactly this set.
   * @returns how many were left alone, and the hashes (hexadecimal) of the sessions that are bound no more
   */
  async replace(
    astationId: string,
    sessionIds: readonly string[],
    from?: Source,
  ): Promise<{ skipped: number; dropped: string[] }> {
    const wanted = hashes(sessionIds);
    const [row] = await this.#db.rows<{ bound: number; dropped: string[] }>(
      REPLACE,
      astationId,
      wanted,
      ...sourceColumns(from),
    );
    return { skipped: wanted.length - (row?.bound ?? 0), dropped: row?.dropped ?? [] };
  }

  /**
   * Ends the binding at once, on every server. Does nothing if this Astation does not hold the session.
   * @returns the hash (hexadecimal) of the session, if it was bound
   */
  async unbind(astationId: string, sessionId: string, from?: Source): Promise<string[]> {
    const rows = await this.#db.rows<{ hash: string }>(
      UNBIND,
      astationId,
      hashSessionId(sessionId),
      ...sourceColumns(from),
    );
    return rows.map(({ hash }) => hash);
  }
}
