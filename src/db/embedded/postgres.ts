import path from 'node:path';
import type { Logger } from 'pino';
import { usableBinaries } from './binaries.ts';
import { checkVersion, createHome } from './cluster.ts';
import { EmbeddedError, unusable } from './error.ts';
import { clusterOf, findHome, moveWithinReach, notePlace, ownerOf, type Place } from './home.ts';
import { type Postmaster, startPostmaster, stopPostmaster } from './postmaster.ts';
import { until } from './process.ts';
import {
  clearStalePidFile,
  ensureDatabase,
  findRunning,
  type OwnerKind,
  type Running,
  urlOf,
} from './running.ts';

export { EmbeddedError };

/** A private PostgreSQL under DATA_DIR. */
export interface EmbeddedDatabase {
  /** postgres:// address of the database `vault_relay`, as superuser, on 127.0.0.1. */
  url: string;
  /** The absolute path of the cluster's files. */
  clusterDir: string;
  /** Shuts PostgreSQL down and resolves when it has ended. A second call waits for the same shutdown. */
  stop(): Promise<void>;
  /** Calls `listener` when PostgreSQL ends without a stop; immediately if it already has. */
  onUnexpectedExit(listener: (reason: string) => void): void;
}

export interface EmbeddedOptions {
  dataDir: string;
  log: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
  /** A command beside a running server shares the server's database, and its `stop` does nothing. */
  owner?: OwnerKind;
  /** Whether to create a missing database; true by default. */
  create?: boolean;
  /** Further arguments of `postgres`, such as `-c fsync=off` as two elements. */
  postgresFlags?: string[];
}

/** How long a start waits for a running command, or for a PostgreSQL that is starting or stopping. */
const PATIENCE_MS = { command: 15_000, silent: 60_000 };
/** Each round takes at least a tenth of a second. The processes of a killed PostgreSQL end well within that. */
const MAX_ROUNDS = 100;

type Found = Exclude<Running, { state: 'none' }>;

function inUse(dataDir: string, owner: string): EmbeddedError {
  return new EmbeddedError(
    `DATA_DIR ${dataDir} is in use by ${owner}: stop that first, or set DATA_DIR to another folder.`,
  );
}

async function announce({ dataDir, log }: EmbeddedOptions, place: Place): Promise<string> {
  const note = await notePlace(dataDir, place);
  if (note) log.info(`${note}.`);
  return place.home;
}

async function openHome(options: EmbeddedOptions): Promise<string> {
  const home = await findHome(options.dataDir);
  if (home) return announce(options, { home });
  if (options.create === false) {
    throw new EmbeddedError(
      `DATA_DIR ${options.dataDir} holds no database: run \`vault-relay serve\` or \`vault-relay migrate\` first, or set DATA_DIR or DATABASE_URL to the database of the server.`,
    );
  }
  options.log.info('Creating the embedded database.');
  return announce(options, await createHome(options.dataDir));
}

function handle(home: string, url: string, postmaster?: Postmaster): EmbeddedDatabase {
  let stopping: Promise<void> | undefined;
  return {
    url,
    clusterDir: clusterOf(home),
    stop() {
      stopping ??= postmaster?.stop() ?? Promise.resolve();
      return stopping;
    },
    onUnexpectedExit(listener) {
      void postmaster?.ended.then((how) => {
        if (!stopping) listener(`the embedded PostgreSQL ended unexpectedly (${how})`);
      });
    },
  };
}

/**
 * Handles a PostgreSQL that already uses the files: waits for it, stops it if its owner was killed, or refuses.
 * @returns the database when it may be shared, undefined when that PostgreSQL has ended
 */
async function settleWith(home: string, found: Found, options: EmbeddedOptions) {
  const { dataDir, log, owner = 'server' } = options;
  const changed = async () => {
    const now = await findRunning(home);
    return now.state !== found.state || now.pid !== found.pid || undefined;
  };
  if (found.state === 'silent') {
    if (await until(changed, PATIENCE_MS.silent)) return undefined;
    throw inUse(dataDir, `PostgreSQL (process ${found.pid}), which does not answer`);
  }
  if (!found.owner) throw inUse(dataDir, `PostgreSQL (process ${found.pid}), which was started by hand`);
  if (!found.owner.alive) {
    log.warn(`Stopping PostgreSQL (process ${found.pid}), left behind by process ${found.owner.pid}.`);
    await stopPostmaster(found.pid);
    return undefined;
  }
  if (found.owner.kind === 'command') {
    if (await until(changed, PATIENCE_MS.command)) return undefined;
    throw inUse(dataDir, `a vault-relay command (process ${found.owner.pid})`);
  }
  if (owner === 'command') return handle(home, await urlOf(home, found.port));
  throw inUse(dataDir, `another vault-relay server (process ${found.owner.pid})`);
}

async function launch(home: string, options: EmbeddedOptions): Promise<EmbeddedDatabase | undefined> {
  const { log, owner = 'server', create = true, postgresFlags: flags = [] } = options;
  const runAs = await ownerOf(home);
  const binaries = await usableBinaries(home, runAs);
  await checkVersion(home, binaries);
  await clearStalePidFile(home);
  const postmaster = await startPostmaster({ home, binaries, runAs, owner, flags });
  if (!postmaster) return undefined;
  try {
    if (create) await ensureDatabase(home, postmaster.port);
    log.debug({ pid: postmaster.pid, port: postmaster.port, folder: home }, 'The embedded PostgreSQL runs.');
    return handle(home, await urlOf(home, postmaster.port), postmaster);
  } catch (error) {
    await postmaster.stop();
    throw error;
  }
}

async function tryToStart(options: EmbeddedOptions): Promise<EmbeddedDatabase | undefined> {
  const home = await openHome(options);
  const runAs = await ownerOf(home);
  const found = await findRunning(home);
  if (found.state !== 'none') return settleWith(home, found, options);
  const moved = await moveWithinReach(options.dataDir, home, runAs);
  return launch(moved ? await announce(options, moved) : home, options);
}

/**
 * Starts the embedded PostgreSQL of DATA_DIR, and creates its database if there is none. One process at a time owns it;
 * PostgreSQL's own lock on its files decides which one. A PostgreSQL that a killed process left running is stopped first.
 * @throws EmbeddedError that names the problem and the remedy in one sentence
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  const dataDir = path.resolve(options.dataDir);
  try {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const database = await tryToStart({ ...options, dataDir });
      if (database) return database;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw inUse(dataDir, 'a PostgreSQL that keeps starting and stopping');
  } catch (error) {
    throw unusable(dataDir, error);
  }
}

/**
 * Finds the embedded database that a running server started on DATA_DIR, for a command beside it. Changes nothing.
 * @returns its address, undefined when no server runs there
 * @throws EmbeddedError when the database belongs to another user
 */
export async function findRunningEmbedded(dataDir: string): Promise<string | undefined> {
  const folder = path.resolve(dataDir);
  try {
    const home = await findHome(folder);
    if (!home) return undefined;
    await ownerOf(home);
    const found = await findRunning(home);
    if (found.state !== 'answers' || found.owner?.kind !== 'server' || !found.owner.alive) return undefined;
    return await urlOf(home, found.port);
  } catch (error) {
    throw unusable(folder, error);
  }
}
