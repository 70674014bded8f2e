/** Conditions that the reading statements share: whether a caller may read, and whether a text contains another. */

/** The vaults that a statement may read. */
export interface Access {
  /** Condition on one vault `v`: `$1` the vault, `$2` work session, `$3` client id. */
  canRead: string;
  /** Query for all readable vaults: `$1` work session, `$2` client id. */
  vaults: string;
}

export const CALLER: Access = {
  canRead: `(v.work_session_id = $2
    OR EXISTS (SELECT FROM vault_writers AS w WHERE w.bucket = v.bucket AND w.vault_id = v.vault_id AND w.client_id = $3))`,
  // Two index scans; the second skips what the first found. Behind a SELECT the client id is unknown to the planner:
  // knowing how rare it is, PostgreSQL would plan anew for each list, which takes as long as the list.
  vaults: `
  SELECT * FROM vaults WHERE work_session_id = $1
  UNION ALL
  SELECT v.* FROM vault_writers AS w JOIN vaults AS v ON v.bucket = w.bucket AND v.vault_id = w.vault_id
  WHERE w.client_id = (SELECT $2::text) AND v.work_session_id <> $1`,
};

/**
 * A caller with a list of vaults (`$2`), which are of its work session. `OFFSET 0` makes each one look into the index, and the
 * SELECT hides its length from the planner, as in `READ_HEADS`.
 */
export const LIMITED: Pick<Access, 'vaults'> = {
  vaults: `
  SELECT v.* FROM unnest((SELECT $2::text[])) AS named (vault_id)
  CROSS JOIN LATERAL (
    SELECT * FROM vaults WHERE bucket = vault_bucket(named.vault_id) AND vault_id = named.vault_id OFFSET 0) AS v
  WHERE v.work_session_id = $1`,
};

/** An operator has no work session and no client id, and reads every vault. */
export const OPERATOR: Access = {
  canRead: `($2::text IS NULL AND $3::text IS NULL)`,
  vaults: `SELECT * FROM vaults WHERE $1::text IS NULL AND $2::text IS NULL`,
};

/** The part of `holds` that rules most texts out. @param parameter a SearchPattern */
export function mayHold(text: string, parameter: string): string {
  const [literal, candidate] = [1, 2].map((n) => `(${parameter}::text[])[${n}]`);
  const exact = `${text} COLLATE "C"`;
  return `CASE WHEN ${literal} IS NULL THEN ${exact} ~ ${candidate} ELSE strpos(${exact}, ${literal}) > 0 END`;
}

/**
 * Condition that a text contains another, in any case and any canonical form. Most texts of a search do not match, so
 * a literal text, or else one pattern, rules them out first. `search_fold` takes much longer and decides the few that
 * remain. Bytes and named characters are compared (`COLLATE "C"`), because the collation of the database must not
 * change the result: in a Turkish one `lower()` separates I from i, and in "C" it covers only ASCII.
 * @param parameter a SearchPattern
 */
export function holds(text: string, parameter: string): string {
  const [certain, query] = [3, 4].map((n) => `(${parameter}::text[])[${n}]`);
  const exact = `${text} COLLATE "C"`;
  return `(${mayHold(text, parameter)}
    AND (coalesce(${exact} ~ ${certain}, false) OR strpos(search_fold(${text}) COLLATE "C", search_fold(${query})) > 0))`;
}
