import { PrismaPg } from '@prisma/adapter-pg';
import type pg from 'pg';
import { changeOutcomeUnknown } from '../errors.ts';
import { refuseChange } from './append-only.ts';
import { PrismaClient } from './generated/client.ts';
import { driverErrorOf, mayHaveRun, readFault, toRelayError } from './pg-errors.ts';

export interface PrismaOptions {
  /** Runs the client's statements. */
  pool: pg.Pool;
  /** The schema of the tables, which the client names in its statements. */
  schema: string;
  /** Runs a statement with the tracing and error handling of the stores. */
  run: <T>(sql: string, ask: () => Promise<T>) => Promise<T>;
}

/** Prisma's adapter, with all statements run through `run`. They are not prepared, because lists give them many texts. */
class Adapter extends PrismaPg {
  readonly #run: PrismaOptions['run'];

  constructor({ pool, schema, run }: PrismaOptions) {
    // Prisma quotes the name, but does not escape quotation marks within it.
    super(pool, { schema: schema.replaceAll('"', '""') });
    this.#run = run;
  }

  override async connect() {
    const adapter = await super.connect();
    const [queryRaw, executeRaw] = [adapter.queryRaw.bind(adapter), adapter.executeRaw.bind(adapter)];
    adapter.queryRaw = (query) => this.#run(query.sql, () => queryRaw(query));
    adapter.executeRaw = (query) => this.#run(query.sql, () => executeRaw(query));
    return adapter;
  }
}

const READS = /^(find|count|aggregate|groupBy)/;

/** @returns the error that a store's statement would throw for the same failure */
function explain(thrown: unknown, operation: string): unknown {
  if (!READS.test(operation) && mayHaveRun(readFault(thrown))) return changeOutcomeUnknown(thrown);
  return toRelayError(thrown) ?? driverErrorOf(thrown);
}

/**
 * Makes a Prisma client that refuses changes of append-only tables. It throws the same errors as `Database.rows`, and for
 * writes as `Database.change`.
 */
export const makePrisma = (options: PrismaOptions) =>
  new PrismaClient({ adapter: new Adapter(options), errorFormat: 'minimal' }).$extends({
    name: 'append-only',
    query: {
      async $allOperations({ model, operation, args, query }) {
        refuseChange({ model, operation, args });
        try {
          return await query(args);
        } catch (thrown) {
          throw explain(thrown, operation);
        }
      },
    },
  });

/** The Prisma client of this program, see `makePrisma`. */
export type AppendOnlyClient = ReturnType<typeof makePrisma>;
