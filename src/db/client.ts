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

/** PostgreSQL as the stores see it. */
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
   * The Prisma client, for what is neither hot nor decided in one statement (decision 0008). It is loaded at the first call,
   * because it takes 40 MB. Its statements run on the pool, with the limits, errors and spans of all others.
   * @throws RelayError `SERVICE_UNAVAILABLE` when the database cannot be asked
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
    const prisma = await this.#prisma?.catch(() => undefined);
    await prisma?.$disconnect();
    await this.#pool.end();
  }
}
