import { PrismaPg } from '@prisma/adapter-pg';
import type { FastifyBaseLogger } from 'fastify';
import pg from 'pg';
import { PrismaClient } from './generated/client.ts';
import { toRelayError } from './pg-errors.ts';
import { statementName } from './statement-name.ts';

/** The role the server works as; the migrations make it and grant it what it needs, and no more. */
export const APPLICATION_ROLE = 'vault_relay_app';

/** Refused by the client extension before a statement leaves the process. */
const refuseChange = ({ operation }: { operation: string }): never => {
  throw new Error(
    `vault_entries is append-only: ${operation} refused. Write a new version of the entry instead.`,
  );
};

function makeAppendOnlyClient(adapter: PrismaPg) {
  return new PrismaClient({ adapter }).$extends({
    name: 'append-only',
    query: {
      vaultEntry: {
        update: refuseChange,
        updateMany: refuseChange,
        updateManyAndReturn: refuseChange,
        upsert: refuseChange,
        delete: refuseChange,
        deleteMany: refuseChange,
      },
    },
  });
}

/** The Prisma client of this server, with the append-only extension. */
export type AppendOnlyClient = ReturnType<typeof makeAppendOnlyClient>;

export interface DatabaseOptions {
  url: string;
  poolSize: number;
  log: FastifyBaseLogger;
}

/** The driver's own parsers, but for BIGINT, which it would leave a text. */
const parserOf: pg.CustomTypesConfig['getTypeParser'] = (oid, format) =>
  oid === pg.types.builtins.INT8 ? BigInt : pg.types.getTypeParser(oid, format);

/**
 * The pool behind everything the server asks of PostgreSQL. Each limit is set on purpose: without
 * them `pg` waits for ever when the server is gone.
 */
function makePool({ url, poolSize, log }: DatabaseOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: 2000,
    statement_timeout: 5000,
    lock_timeout: 2000,
    idle_in_transaction_session_timeout: 10_000,
    // For a server that stops answering without closing its sockets.
    query_timeout: 8000,
    keepAlive: true,
    application_name: 'vault-relay',
    types: { getTypeParser: parserOf },
    onConnect: async (client) => {
      await client.query(`SET ROLE ${APPLICATION_ROLE}`);
    },
  });
  // Without a listener the loss of an idle connection would end the process.
  pool.on('error', (error) => log.warn({ reason: error.message }, 'Lost an idle database connection'));
  return pool;
}

/** PostgreSQL as the stores see it. */
export class Database {
  readonly prisma: AppendOnlyClient;
  readonly #pool: pg.Pool;

  constructor(options: DatabaseOptions) {
    this.#pool = makePool(options);
    this.prisma = makeAppendOnlyClient(
      new PrismaPg(this.#pool, { statementNameGenerator: ({ sql }) => statementName(sql) }),
    );
  }

  /**
   * Runs one prepared statement in one round trip. It goes to the pool itself: by way of Prisma's `$queryRaw` the same
   * statement took several times the CPU of this process (decision 0008).
   * @param sql a constant with `$1`, `$2` … for the values
   * @returns the rows; BIGINT comes as a bigint, JSON parsed
   * @throws RelayError `SERVICE_UNAVAILABLE` when the database cannot be asked; anything else is a bug
   */
  async rows<Row>(sql: string, ...values: unknown[]): Promise<Row[]> {
    try {
      const { rows } = await this.#pool.query<Row & pg.QueryResultRow>({
        name: statementName(sql),
        text: sql,
        values,
      });
      return rows;
    } catch (thrown) {
      throw toRelayError(thrown) ?? thrown;
    }
  }

  /** @throws RelayError `SERVICE_UNAVAILABLE` unless PostgreSQL answers */
  async ping(): Promise<void> {
    await this.rows('SELECT 1');
  }

  async close(): Promise<void> {
    // A database that stops right behind us may reach a connection that is still closing; nothing is lost by that.
    this.#pool.removeAllListeners('error').on('error', () => undefined);
    await this.prisma.$disconnect();
    await this.#pool.end();
  }
}
