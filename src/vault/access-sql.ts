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
 * Whether a text holds another, in upper or lower case. Lower case is most of the cost, and spared where the text that
 * is looked for has no case, as in Chinese. The Greek s has two small forms, which are one letter.
 */
export function holds(text: string, parameter: string): string {
  const q = `${parameter}::text`;
  const oneSigma = (greek: string) => `translate(lower(${greek}), 'ς', 'σ')`;
  return `CASE
    WHEN lower(${q}) = upper(${q}) THEN strpos(${text}, ${q})
    WHEN strpos(${oneSigma(q)}, 'σ') > 0 THEN strpos(${oneSigma(text)}, ${oneSigma(q)})
    ELSE strpos(lower(${text}), lower(${q})) END > 0`;
}
