import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import pino from 'pino';
import { hashSessionId } from '../src/access/session-id.ts';
import { startEmbedded } from '../src/db/embedded/postgres.ts';
import { migrate } from '../src/db/migrate.ts';
import { CREATE_GRANTED } from '../src/session/sql.ts';
import { Load } from './load/load.ts';
import { ROOT, type ServerProcess, startProgram, startVaultRelay } from './servers/program.ts';

/** The work session and the client that the bench calls as. */
export const CALLER = { workSessionId: 'bench-astation', clientId: randomUUID() };
export const SESSION_ID = randomUUID();

/** Headers and query that every vault call carries. */
export const HEADERS = { authorization: `session ${SESSION_ID}` };
export const AS_CALLER = `id=${CALLER.clientId}`;

/** A database with the bench's session, and a server that uses it. */
export interface Place {
  url: string;
  /** Superuser access, for seeding. */
  admin: pg.Pool;
  server: ServerProcess;
}

/** Runs a function once, at its first call. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** The processes of a bench run: PostgreSQL, the servers, and the load process. */
export class Stage {
  readonly load: Load;
  readonly #nodeArgs: string[];
  readonly #clusterUrl: string;
  readonly #closing: (() => Promise<unknown>)[];
  #databases = 0;

  private constructor(parts: {
    load: Load;
    nodeArgs: string[];
    url: string;
    closing: (() => Promise<unknown>)[];
  }) {
    this.load = parts.load;
    this.#nodeArgs = parts.nodeArgs;
    this.#clusterUrl = parts.url;
    this.#closing = parts.closing;
  }

  /**
   * Starts a PostgreSQL for the bench, with its default durability.
   * @param profile folder for the CPU profiles of the servers
   */
  static async open({ profile }: { profile?: string | undefined } = {}): Promise<Stage> {
    const closing: (() => Promise<unknown>)[] = [];
    const dataDir = await mkdtemp(path.join(tmpdir(), 'vault-relay-bench-'));
    // PostgreSQL does not run as root, and its user needs access to this folder.
    await chmod(dataDir, 0o755);
    closing.push(() => rm(dataDir, { recursive: true, force: true }));
    const embedded = await startEmbedded({ dataDir, log: pino({ level: 'silent' }) });
    closing.push(() => embedded.stop());
    const load = await Load.start();
    closing.push(() => load.stop());
    const nodeArgs = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
    return new Stage({ load, nodeArgs, url: embedded.url, closing });
  }

  /** Stops everything in reverse order of start. */
  async close(): Promise<void> {
    for (const close of this.#closing.splice(0).reverse()) await close();
  }

  /** The database and server that most rows share. */
  readonly main = once(() => this.newPlace());

  /** A plain Fastify, to compare with. */
  readonly plain = once(() =>
    this.#keep(startProgram(['--import', 'tsx', path.join(ROOT, 'bench/servers/plain.ts')])),
  );

  /** The server with vaults in a fake database that answers at once. */
  readonly hollow = once(async () => {
    const { url } = await this.main();
    return this.#keep(
      startProgram([...this.#nodeArgs, '--import', 'tsx', path.join(ROOT, 'bench/servers/hollow.ts')], {
        DATABASE_URL: url,
      }),
    );
  });

  /** A second server over the same database, which keeps no views in memory. */
  readonly uncached = once(async () => {
    const { url } = await this.main();
    return this.#keep(startVaultRelay(url, this.#nodeArgs, { READ_CACHE_BYTES: '0' }));
  });

  /** Makes a migrated database and starts a server that uses it. */
  async newPlace(): Promise<Place> {
    const url = new URL(this.#clusterUrl);
    url.pathname = `bench_${++this.#databases}`;
    const cluster = new pg.Client({ connectionString: this.#clusterUrl });
    await cluster.connect();
    await cluster.query(`CREATE DATABASE ${url.pathname.slice(1)}`);
    await cluster.end();
    await migrate(url.href);
    const admin = new pg.Pool({ connectionString: url.href, max: 2 });
    this.#closing.push(() => admin.end());
    await admin.query(CREATE_GRANTED, [hashSessionId(SESSION_ID), 'bench', CALLER.workSessionId]);
    const server = await this.#keep(startVaultRelay(url.href, this.#nodeArgs));
    return { url: url.href, admin, server };
  }

  async #keep(starting: Promise<ServerProcess>): Promise<ServerProcess> {
    const server = await starting;
    this.#closing.push(() => server.stop());
    return server;
  }
}
