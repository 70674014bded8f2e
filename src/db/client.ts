import { PrismaPg } from '@prisma/adapter-pg';
import type pg from 'pg';
import { changeOutcomeUnknown, findRelayError, type RelayError, writeOutcomeUnknown } from '../errors.ts';
import { type Metrics, noMetrics } from '../observability/metrics.ts';
import { noTracing, type Tracing } from '../observability/tracing.ts';
import type { Taker, TurnQueue } from '../queues/turn-queue.ts';
import { PrismaClient } from './generated/client.ts';
import { mayHaveRun, readFault, spoilsConnections, toRelayError } from './pg-errors.ts';
import { makePool, type PoolOptions, type ServerPool } from './pool.ts';
import { makeReadQueue, makeScanQueue } from './read-queues.ts';
import { statementName } from './statement-name.ts';

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

export interface DatabaseOptions extends PoolOptions {
  metrics?: Metrics;
  tracing?: Tracing;
}

/** PostgreSQL as the stores see it. */
export class Database {
  readonly prisma: AppendOnlyClient;
  readonly #pool: ServerPool;
  readonly #scans: TurnQueue;
  readonly #reads: TurnQueue;
  readonly #tracing: Tracing;

  constructor({ metrics = noMetrics, tracing = noTracing, ...options }: DatabaseOptions) {
    this.#tracing = tracing;
    this.#pool = makePool(options);
    metrics.gauge('pool', () => this.#pool.counts());
    this.#scans = makeScanQueue(options.poolSize);
    this.#reads = makeReadQueue(options.poolSize);
    metrics.gauge('scans', () => this.#scans.counts());
    this.prisma = makeAppendOnlyClient(
      new PrismaPg(this.#pool, { statementNameGenerator: ({ sql }) => statementName(sql) }),
    );
  }

  /**
   * Runs one prepared statement in one round trip. It goes to the pool itself: by way of Prisma's `$queryRaw` the same
   * statement took two to five times the CPU of this process (decision 0008).
   * @param sql a constant with `$1`, `$2` … for the values
   * @returns the rows; BIGINT comes as a bigint, JSON parsed
   * @throws RelayError `SERVICE_UNAVAILABLE` when the database cannot be asked; anything else is a bug
   */
  async rows<Row>(sql: string, ...values: unknown[]): Promise<Row[]> {
    try {
      return await this.#run<Row>(sql, values);
    } catch (thrown) {
      throw toRelayError(thrown) ?? thrown;
    }
  }

  /**
   * Runs one statement that reads for a caller, as `rows` does, when it is the caller's turn. However much one caller
   * reads, connections are left for other callers and for writes.
   * @throws RelayError as `rows` does; `TOO_MANY_REQUESTS` or `SERVICE_UNAVAILABLE` where too many reads wait
   */
  read<Row>(taker: Taker, sql: string, ...values: unknown[]): Promise<Row[]> {
    return this.#reads.run(taker, () => this.rows<Row>(sql, ...values));
  }

  /**
   * The same for a statement that may read through much of a table. Scans hold a small share of the connections.
   * @throws RelayError as `read` does
   */
  scan<Row>(taker: Taker, sql: string, ...values: unknown[]): Promise<Row[]> {
    return this.#scans.run(taker, () => this.rows<Row>(sql, ...values));
  }

  /**
   * Runs one statement that writes, as `rows` does.
   * @throws RelayError as `rows` does; where nobody can know whether the statement was committed, it says so
   */
  commit<Row>(sql: string, ...values: unknown[]): Promise<Row[]> {
    return this.#change<Row>(writeOutcomeUnknown, sql, values);
  }

  /** The same for a statement that changes sessions, bindings or keys. */
  change<Row>(sql: string, ...values: unknown[]): Promise<Row[]> {
    return this.#change<Row>(changeOutcomeUnknown, sql, values);
  }

  async #change<Row>(
    unknown: (cause: unknown) => RelayError,
    sql: string,
    values: unknown[],
  ): Promise<Row[]> {
    try {
      return await this.#run<Row>(sql, values);
    } catch (thrown) {
      if (mayHaveRun(readFault(thrown))) throw unknown(thrown);
      throw toRelayError(thrown) ?? thrown;
    }
  }

  async #run<Row>(sql: string, values: unknown[]): Promise<Row[]> {
    const statement = { name: statementName(sql), text: sql, values };
    const ask = async () => (await this.#pool.query<Row & pg.QueryResultRow>(statement)).rows;
    try {
      return await this.#tracing.statement(sql, ask, (thrown) => readFault(thrown).code);
    } catch (thrown) {
      if (spoilsConnections(readFault(thrown))) this.#pool.dropAll();
      throw thrown;
    }
  }

  /**
   * Finds out whether PostgreSQL answers. While every connection is at work, it does.
   * @throws RelayError `SERVICE_UNAVAILABLE` unless PostgreSQL answers
   */
  async ping(): Promise<void> {
    try {
      await this.rows('SELECT 1');
    } catch (error) {
      if (findRelayError(error)?.refusal !== 'POOL_BUSY') throw error;
    }
  }

  async close(): Promise<void> {
    // A database that stops right behind us may reach a connection that is still closing; nothing is lost by that.
    this.#pool.removeAllListeners('error').on('error', () => undefined);
    await this.prisma.$disconnect();
    await this.#pool.end();
  }
}
