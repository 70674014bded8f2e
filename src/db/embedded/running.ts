import { link, readFile, realpath, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { EmbeddedError, hasCode } from './error.ts';
import { clusterOf, passwordFileOf } from './home.ts';
import { isPostmasterOf, processIdentity } from './process.ts';

/** The kinds of owner of an embedded database: the server for its whole life, a command briefly. */
export type OwnerKind = 'server' | 'command';

/** A custom PostgreSQL setting that identifies the process which started it. */
export const OWNER_SETTING = 'vault_relay.owner';
const DATABASE = 'vault_relay';

export interface PidFile {
  pid: number;
  port: number;
  /** Whether PostgreSQL accepts connections. */
  ready: boolean;
}

/** The process that uses a database's files: none, one that does not answer (yet), or a PostgreSQL. */
export type Running =
  | { state: 'none' }
  | { state: 'silent'; pid: number }
  | { state: 'answers'; pid: number; port: number; owner: Owner | undefined };

export interface Owner {
  kind: OwnerKind;
  pid: number;
  alive: boolean;
}

export const ownerSetting = (kind: OwnerKind): string => `${kind} ${processIdentity(process.pid)}`;

function parseOwner(setting: string | null | undefined): Owner | undefined {
  const [, kind, identity, pid] = /^(server|command) ((\d+)@\S+)$/.exec(setting ?? '') ?? [];
  if (kind === undefined) return undefined;
  return { kind: kind as OwnerKind, pid: Number(pid), alive: processIdentity(Number(pid)) === identity };
}

const pidFileOf = (home: string) => path.join(clusterOf(home), 'postmaster.pid');

/** Reads PostgreSQL's own lock file, postmaster.pid. */
export async function readPidFile(home: string): Promise<PidFile | undefined> {
  const text = await readFile(pidFileOf(home), 'utf8').catch((error) => {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  });
  const lines = text?.split('\n') ?? [];
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return { pid, port: Number(lines[3] ?? 0), ready: lines[7]?.trim() === 'ready' };
}

async function readPassword(home: string): Promise<string> {
  try {
    return (await readFile(passwordFileOf(home), 'utf8')).trim();
  } catch (error) {
    throw new EmbeddedError(
      `The password file ${passwordFileOf(home)} cannot be read: restore it, or run as the user that created the database.`,
      { cause: error },
    );
  }
}

/** Overrides for PG* variables, because they are meant for another PostgreSQL. */
const OWN_PARAMETERS = new URLSearchParams({
  sslmode: 'disable',
  sslnegotiation: 'postgres',
  client_encoding: 'UTF8',
  replication: 'false',
  options: '-c DateStyle=ISO',
});

/** The address of the application's database, or of another one of the same server. */
export async function urlOf(home: string, port: number, database = DATABASE): Promise<string> {
  const password = encodeURIComponent(await readPassword(home));
  return `postgres://postgres:${password}@127.0.0.1:${port}/${database}?${OWN_PARAMETERS}`;
}

/** Runs `work` on a separate connection to the maintenance database. */
export async function withClient<T>(home: string, port: number, work: (client: pg.Client) => Promise<T>) {
  const connectionString = await urlOf(home, port, 'postgres');
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: 5000,
    query_timeout: 30_000,
    application_name: 'vault-relay',
  });
  // Without a listener, a crash of PostgreSQL at this moment would end the process.
  client.on('error', () => undefined); // the query in flight reports it
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined); // it is closed already
  }
}

/** Creates the application's database if it is missing, because an interrupted start may not have created it. */
export async function ensureDatabase(home: string, port: number): Promise<void> {
  await withClient(home, port, async (client) => {
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  });
}

/** Finds out whether a PostgreSQL runs on these files, and which process started it. Changes nothing. */
export async function findRunning(home: string): Promise<Running> {
  const file = await readPidFile(home);
  if (!file || !isPostmasterOf(file.pid, await realpath(clusterOf(home)))) return { state: 'none' };
  const { pid, port } = file;
  try {
    const setting = await withClient(home, port, async (client) => {
      const { rows } = await client.query('SELECT current_setting($1, true) AS owner', [OWNER_SETTING]);
      return rows[0]?.owner as string | null;
    });
    return { state: 'answers', pid, port, owner: parseOwner(setting) };
  } catch (error) {
    if (error instanceof EmbeddedError) throw error;
    return { state: 'silent', pid };
  }
}

/**
 * Removes a postmaster.pid whose process is not a PostgreSQL of these files. PostgreSQL does so itself when the process
 * has ended, but refuses to start when another process has the same id.
 */
export async function clearStalePidFile(home: string): Promise<void> {
  const cluster = await realpath(clusterOf(home));
  const file = await readPidFile(home);
  if (!file || isPostmasterOf(file.pid, cluster)) return;
  const aside = `${pidFileOf(home)}.stale-${process.pid}`;
  try {
    await rename(pidFileOf(home), aside);
    // A concurrent start may just have written a valid file. If so, restore it.
    const taken = Number.parseInt(await readFile(aside, 'utf8'), 10);
    if (taken !== file.pid) await link(aside, pidFileOf(home));
    await rm(aside);
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'EEXIST')) throw error;
  }
}
