import type pg from 'pg';
import { changeOutcomeUnknown, findRelayError, type RelayError, writeOutcomeUnknown } from '../errors.ts';
import { type Metrics, noMetrics } from '../observability/metrics.ts';
import { noTracing, type Tracing } from '../observability/tracing.ts';
import type { Taker, TurnQueue } from '../queues/turn-queue.ts';
import { mayHaveRun, readFault, spoilsConnections, toRelayError } from './pg-errors.ts';
import { makePool, type PoolOptions, type ServerPool } from './pool.ts';
import type { AppendOnlyClient } from './prisma.ts';
import { makeReadQueue, makeScanQueue } from './read-queues.ts';
import { CURRENT_SCHEMA } from './settle.ts';
import { statementName } from './statement-name.ts';

export interface DatabaseOptions extends PoolOptions {
  metrics?: Metrics;
  tracing?: Tracing;
}

/** The stores' access to PostgreSQL. */
export class Database {
  readonly #pool: ServerPool;
  readonly #scans: TurnQueue;
  readonly #reads: TurnQueue;
  readonly #tracing: Tracing;
  #prisma: Promise<AppendOnlyClient> | undefined;

  constructor({ metrics = noMetrics, tracing = noTracing, ...options }: DatabaseOptions) {
    this.#tracing = tracing;
    this.#pool = makePool(options);
    metrics.gauge('pool', () => this.#pool.counts());
    this.#scans = makeScanQueue(options.poolSize);
    this.#reads = makeReadQueue(options.poolSize);
    metrics.gauge('scans', () => this.#scans.counts());
  }

  /**
   * Runs one prepared statement in one round trip. It uses the pool directly, because Prisma's `$queryRaw` took two to five
   * times the CPU time for the same statement (decision 0008).
   * @param sql a constant with `$1`, `$2` … for the values
   * @returns the rows; BIGINT comes as a bigint, JSON parsed
   * @throws RelayError `SERVICE_UNAVAILABLE` when the database is unavailable; any other error is a bug
   */
  async rows<Row>(sql: string, ...values: unknown[]): Promise<Row[]> {
    try {
      return await this.#run<Row>(sql, values);
    } catch (thrown) {
      throw toRelayError(thrown) ?? thrown;
    }
  }

  /**
   * Runs one read of a caller like `rows`, when it is the caller's turn. The queue reserves connections for other callers
   * and for writes.
   * @throws RelayError like `rows`; `TOO_MANY_REQUESTS` or `SERVICE_UNAVAILABLE` where too many reads are queued
   */
  read<Row>(taker: Taker, sql: string, ...values: unknown[]): Promise<Row[]> {
    return this.#reads.run(taker, () => this.rows<Row>(sql, ...values));
  }

  /**
   * Like `read`, for a statement that may scan much of a table. Scans get a small share of the connections.
   * @throws RelayError like `read`
   */
  scan<Row>(taker: Taker, sql: string, ...values: unknown[]): Promise<Row[]> {
    return this.#scans.run(taker, () => this.rows<Row>(sql, ...values));
  }

  /**
   * Runs one statement that writes, like `rows`.
   * @throws RelayError like `rows`; a distinct one where it is unknown whether the statement was committed
   */
  commit<Row>(sql: string, ...values: unknown[]): Promise<Row[]> {
    return this.#change<Row>(writeOutcomeUnknown, sql, values);
  }

  /** Like `commit`, for a statement that changes sessions, bindings or keys. */
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
    return this.#traced(sql, async () => (await this.#pool.query<Row & pg.QueryResultRow>(statement)).rows);
  }

  async #traced<T>(sql: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await this.#tracing.statement(sql, ask, (thrown) => readFault(thrown).code);
    } catch (thrown) {
      if (spoilsConnections(readFault(thrown))) this.#pool.dropAll();
      throw thrown;
    }
  }

  /**
   * The Prisma client, for queries that are neither hot nor decided in one statement (decision 0008). It is loaded on first
   * use, because it takes 40 MB. Its statements run on the pool, with the same limits, errors and spans as all others.
   * @throws RelayError `SERVICE_UNAVAILABLE` when the database is unavailable
   */
  prisma(): Promise<AppendOnlyClient> {
    this.#prisma ??= this.#loadPrisma().catch((error) => {
      this.#prisma = undefined;
      throw error;
    });
    return this.#prisma;
  }

  async #loadPrisma(): Promise<AppendOnlyClient> {
    const [row] = await this.rows<{ schema: string }>(CURRENT_SCHEMA);
    const { makePrisma } = await import('./prisma.ts');
    return makePrisma({
      pool: this.#pool,
      schema: row?.schema ?? 'public',
      run: (sql, ask) => this.#traced(sql, ask),
    });
  }

  /**
   * Finds out whether PostgreSQL answers. It counts as answering while every connection is busy.
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
    // If the database stops right after us, closing connections may report errors. They are harmless.
    this.#pool.removeAllListeners('error').on('error', () => undefined);
    const prisma = await this.#prisma?.catch(() => undefined);
    await prisma?.$disconnect();
    await this.#pool.end();
  }
}
