import type pg from 'pg';

/** The role of the server. The migrations create it with the least privileges that it needs. */
export const APPLICATION_ROLE = 'vault_relay_app';

/** Settings that affect results, and that the database or role may override. */
const SETTINGS = {
  client_encoding: 'UTF8',
  datestyle: 'ISO, YMD',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  extra_float_digits: '1',
  bytea_output: 'hex',
  array_nulls: 'on',
  standard_conforming_strings: 'on',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  gin_fuzzy_search_limit: '0',
};

/** Time-outs that would interrupt long work. Older PostgreSQL versions do not have all of them. */
const LIMITS = [
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'transaction_timeout',
];

/** The first schema of the role's search path that has the tables; otherwise the one in which it would create them. */
const SCHEMA = `
  SELECT pg_catalog.quote_ident(coalesce(
    (SELECT path.name FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) WITH ORDINALITY AS path (name, place)
       JOIN pg_catalog.pg_namespace AS schema ON schema.nspname = path.name
       JOIN pg_catalog.pg_class AS known ON known.relnamespace = schema.oid AND known.relname = 'vault_entries'
     ORDER BY path.place LIMIT 1),
    pg_catalog.current_schema()))`;

/** Finds the schema of the tables, on a settled connection. */
export const CURRENT_SCHEMA = 'SELECT current_schema()::text AS schema';

export interface Settling {
  /** Keeps the role that connected, instead of the server's. */
  asOwner?: boolean;
  /** Disables the time-outs of the database and the role. */
  patient?: boolean;
}

const literal = (text: string) => `'${text}'`;

function sqlOf({ asOwner = false, patient = false }: Settling): string {
  const values = Object.entries(SETTINGS).map(([name, value]) => [literal(name), literal(value)]);
  values.push([literal('search_path'), `(${SCHEMA})`]);
  if (!asOwner) values.push([literal('role'), literal(APPLICATION_ROLE)]);
  const rows = values.map(([name, value]) => `(${name}, ${value})`).join(', ');
  const settings = `SELECT pg_catalog.set_config(name, value, false) FROM (VALUES ${rows}) AS settings (name, value)`;
  if (!patient) return settings;
  const limits = LIMITS.map(literal).join(', ');
  return `${settings};
    SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name IN (${limits})`;
}

/**
 * Sets up a new connection with the server's role, our settings and the schema of the tables. These override the settings
 * of the database and the role.
 * @throws the driver's error when the role may not become the server's
 */
export async function settle(client: pg.ClientBase, settling: Settling = {}): Promise<void> {
  await client.query(sqlOf(settling));
}
