import { createHash } from 'node:crypto';

const names = new Map<string, string>();

/**
 * A stable name for a statement's text, so that PostgreSQL prepares it once a connection.
 * The store's statements are constants, so the map stays small.
 */
export function statementName(sql: string): string {
  let name = names.get(sql);
  if (name === undefined) {
    name = `vr_${createHash('sha256').update(sql).digest('base64url').slice(0, 20)}`;
    names.set(sql, name);
  }
  return name;
}
