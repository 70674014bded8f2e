/** Conditions that the statements share which show vaults: who may read, and whether a text holds another. */

/** Which vaults the statements that read are about. */
export interface Access {
  /** Of one vault `v`: `$1` the vault, `$2` work session, `$3` client id. */
  canRead: string;
  /** All of them: `$1` work session, `$2` client id. */
  vaults: string;
}

export const CALLER: Access = {
  canRead: `(v.work_session_id = $2
    OR EXISTS (SELECT FROM vault_writers AS w WHERE w.vault_id = v.vault_id AND w.client_id = $3))`,
  // Two index scans; the second skips what the first found. Behind a SELECT the client id is unknown to the planner:
  // knowing how rare it is, PostgreSQL would plan anew for each list, which takes as long as the list.
  vaults: `
  SELECT * FROM vaults WHERE work_session_id = $1
  UNION ALL
  SELECT v.* FROM vault_writers AS w JOIN vaults AS v ON v.vault_id = w.vault_id
  WHERE w.client_id = (SELECT $2::text) AND v.work_session_id <> $1`,
};

/** An operator has neither work session nor client id, and so reads every vault. */
export const OPERATOR: Access = {
  canRead: `($2::text IS NULL AND $3::text IS NULL)`,
  vaults: `SELECT * FROM vaults WHERE $1::text IS NULL AND $2::text IS NULL`,
};

/**
 * Whether a text holds another, whatever the case of either and whatever canonical form. A search looks through many
 * texts that do not: a look for a literal text, or else one pattern, rules those out. Of the rest `search_fold`, which
 * takes much longer, has to decide about few. Bytes and named characters are compared (`COLLATE "C"`), because the
 * collation of the database must not decide: `lower()` of a Turkish one parts I from i, and that of "C" knows ASCII only.
 * @param parameter a SearchPattern
 */
export function holds(text: string, parameter: string): string {
  const [literal, candidate, certain, query] = [1, 2, 3, 4].map((n) => `(${parameter}::text[])[${n}]`);
  const exact = `${text} COLLATE "C"`;
  return `(CASE WHEN ${literal} IS NULL THEN ${exact} ~ ${candidate} ELSE strpos(${exact}, ${literal}) > 0 END
    AND (coalesce(${exact} ~ ${certain}, false) OR strpos(search_fold(${text}) COLLATE "C", search_fold(${query})) > 0))`;
}
