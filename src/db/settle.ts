import type pg from 'pg';

/** The role the server works as; the migrations make it and grant it what it needs, and no more. */
export const APPLICATION_ROLE = 'vault_relay_app';

/** What the database or the role may have set otherwise, and results depend on. */
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

/** Limits that would cut work off which takes long by nature. Each PostgreSQL knows some of them. */
const LIMITS = [
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'transaction_timeout',
];

/** The first schema of the role's search path that has the tables, else the one in which it would make them. */
const SCHEMA = `
  SELECT pg_catalog.quote_ident(coalesce(
    (SELECT path.name FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) WITH ORDINALITY AS path (name, place)
       JOIN pg_catalog.pg_namespace AS schema ON schema.nspname = path.name
       JOIN pg_catalog.pg_class AS known ON known.relnamespace = schema.oid AND known.relname = 'vault_entries'
     ORDER BY path.place LIMIT 1),
    pg_catalog.current_schema()))`;

/** On a connection that was settled: where the tables are. */
export const CURRENT_SCHEMA = 'SELECT current_schema()::text AS schema';

export interface Settling {
  /** Works as the role that connected instead of the server's. */
  asOwner?: boolean;
  /** No time limit of the database or the role ends its statements. */
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
 * Has a new connection work as the server does, whatever was set for its database or role: with our settings, and in the
 * schema of the tables.
 * @throws the driver's error when the role may not become the server's
 */
export async function settle(client: pg.ClientBase, settling: Settling = {}): Promise<void> {
  await client.query(sqlOf(settling));
}
