import type { FastifyBaseLogger } from 'fastify';
import pg from 'pg';
import { neverSent, poolBusy } from './pg-errors.ts';
import { settle } from './settle.ts';
import { TIME_LIMITS } from './time-limits.ts';

export { APPLICATION_ROLE } from './settle.ts';

type ConnectCallback = Parameters<pg.Pool['connect']>[0];

/**
 * A pool that says whether a failed statement may have left: what fails while a connection is made or waited for
 * has the SQLSTATE 08001, or VR002 where all connections are at work. It can also drop all its connections.
 */
export class ServerPool extends pg.Pool {
  readonly #idle = new Set<pg.PoolClient>();
  readonly #busy = new Set<pg.PoolClient>();
  /** Busy ones that go as soon as they are free. */
  readonly #stale = new WeakSet<pg.PoolClient>();

  constructor(config: pg.PoolConfig) {
    super(config);
    this.on('release', (error, client) => {
      this.#busy.delete(client);
      // The pool looks right after this whether the connection is still good for others.
      if (this.#stale.has(client)) void client.end();
      else if (!error) this.#idle.add(client);
    });
    this.on('acquire', (client) => {
      this.#idle.delete(client);
      this.#busy.add(client);
    });
    this.on('remove', (client) => this.#idle.delete(client));
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: ConnectCallback): undefined;
  override connect(callback?: ConnectCallback): Promise<pg.PoolClient> | undefined {
    if (!callback) {
      return super.connect().catch((error: Error) => {
        throw this.#whyNone(error);
      });
    }
    super.connect((error, client, done) => callback(error && this.#whyNone(error), client, done));
    return undefined;
  }

  /** Why there was no connection: while all of them are at work, the database is there. */
  #whyNone(error: Error): Error {
    return this.#busy.size >= this.options.max ? poolBusy(error) : neverSent(error);
  }

  /** How many connections there are, how many of them wait for work, and how many calls wait for one. */
  counts(): { total: number; idle: number; waiting: number } {
    return { total: this.totalCount, idle: this.idleCount, waiting: this.waitingCount };
  }

  /** Drops every connection, those at work when they are free: what broke one, or made it a standby's, holds for all. */
  dropAll(): void {
    for (const client of this.#busy) this.#stale.add(client);
    for (const client of [...this.#idle])
      client.emit('error', new Error('dropped together with a broken connection'));
  }
}

/** One for a scan and one for everything else, so that nothing else ever waits behind a scan. */
const MIN_CONNECTIONS = 2;

export interface PoolOptions {
  url: string;
  /** Connections at most; 1 counts as 2. */
  poolSize: number;
  log: FastifyBaseLogger;
}

/** The driver's own parsers, but for BIGINT, which it would leave a text. */
const parserOf: pg.CustomTypesConfig['getTypeParser'] = (oid, format) =>
  oid === pg.types.builtins.INT8 ? BigInt : pg.types.getTypeParser(oid, format);

/** The pool behind everything the server asks of PostgreSQL. */
export function makePool({ url, poolSize, log }: PoolOptions): ServerPool {
  const pool = new ServerPool({
    connectionString: url,
    max: Math.max(MIN_CONNECTIONS, poolSize),
    connectionTimeoutMillis: TIME_LIMITS.connect,
    statement_timeout: TIME_LIMITS.statement,
    lock_timeout: TIME_LIMITS.lock,
    idle_in_transaction_session_timeout: TIME_LIMITS.idleInTransaction,
    query_timeout: TIME_LIMITS.answer,
    keepAlive: true,
    application_name: 'vault-relay',
    types: { getTypeParser: parserOf },
    onConnect: (client) => settle(client),
  });
  // Without a listener the loss of an idle connection would end the process.
  pool.on('error', (error) => log.warn({ reason: error.message }, 'Lost an idle database connection'));
  return pool;
}
