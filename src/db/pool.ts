import type { FastifyBaseLogger } from 'fastify';
import pg from 'pg';
import { neverSent, poolBusy } from './pg-errors.ts';
import { settle } from './settle.ts';
import { TIME_LIMITS } from './time-limits.ts';

export { APPLICATION_ROLE } from './settle.ts';

type ConnectCallback = Parameters<pg.Pool['connect']>[0];

/**
 * A pool whose errors show whether a failed statement may have been sent. An error before that has the SQLSTATE 08001, or
 * VR002 where all connections were busy. The pool can also drop all its connections.
 */
export class ServerPool extends pg.Pool {
  readonly #idle = new Set<pg.PoolClient>();
  readonly #busy = new Set<pg.PoolClient>();
  /** Busy connections to close on release. */
  readonly #stale = new WeakSet<pg.PoolClient>();

  constructor(config: pg.PoolConfig) {
    super(config);
    this.on('release', (error, client) => {
      this.#busy.delete(client);
      // The pool checks right after this whether it can reuse the connection.
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
        throw this.#noConnection(error);
      });
    }
    super.connect((error, client, done) => callback(error && this.#noConnection(error), client, done));
    return undefined;
  }

  /** Explains why there was no connection. While all of them are busy, the database counts as available. */
  #noConnection(error: Error): Error {
    return this.#busy.size >= this.options.max ? poolBusy(error) : neverSent(error);
  }

  /** The number of connections, of idle ones, and of calls that wait for one. */
  counts(): { total: number; idle: number; waiting: number } {
    return { total: this.totalCount, idle: this.idleCount, waiting: this.waitingCount };
  }

  /** Drops every connection, busy ones on release, because a crash or failover affects all of them. */
  dropAll(): void {
    for (const client of this.#busy) this.#stale.add(client);
    for (const client of [...this.#idle])
      client.emit('error', new Error('dropped together with a broken connection'));
  }
}

/** One for scans and one for everything else, so that other statements never wait behind a scan. */
const MIN_CONNECTIONS = 2;

export interface PoolOptions {
  url: string;
  /** The maximum number of connections; 1 counts as 2. */
  poolSize: number;
  log: FastifyBaseLogger;
}

/** The driver's own parsers, except for BIGINT, because the driver returns that as text. */
const parserOf: pg.CustomTypesConfig['getTypeParser'] = (oid, format) =>
  oid === pg.types.builtins.INT8 ? BigInt : pg.types.getTypeParser(oid, format);

/** Makes the server's pool of connections to PostgreSQL. */
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
  // Without a listener, the loss of an idle connection would end the process.
  pool.on('error', (error) => log.warn({ reason: error.message }, 'Lost an idle database connection'));
  return pool;
}
