import { defineConfig } from 'vitest/config';
import { findRedisServer } from './test/support/find-redis.ts';

interface TierOptions {
  testTimeout?: number;
  include?: string[];
  /** Tiers of a higher order begin when those of a lower one have ended. */
  groupOrder?: number;
  /** Servers that the relay's tests spread their sockets over. */
  replicas?: number;
}

/**
 * Tests of the relay that run on two servers too, because they depend on what servers share: rooms, sockets that are
 * counted together, limits, and nudges. The other tests depend on one server and the database alone.
 */
const ON_SEVERAL_SERVERS = ['amplification', 'bindings', 'identity', 'limits', 'nudge', 'refusals', 'rooms'];

/** Tiers have names and run alone: `npx vitest run --project unit`. */
const tier = (name: string, options: TierOptions) => ({
  test: {
    name,
    include: options.include ?? [`test/${name}/**/*.test.ts`],
    provide: { replicas: options.replicas ?? 1 },
    testTimeout: options.testTimeout ?? 20_000,
    hookTimeout: 60_000,
    // Longer than a busy machine takes.
    expect: { poll: { timeout: 15_000 } },
    sequence: { groupOrder: options.groupOrder ?? 0 },
    // A worker loads the modules of the server once for all of its files, which takes half of what a small file costs.
    isolate: false,
    setupFiles: ['test/support/setup.ts'],
  },
});

export default defineConfig({
  test: {
    teardownTimeout: 10_000,
    // One PostgreSQL for all tiers; each file has a database of it.
    globalSetup: ['test/support/global-setup.ts'],
    // Two more than the two cores of CI, because tests wait for processes, databases and browsers.
    maxWorkers: 4,
    projects: [
      tier('unit', {}),
      tier('store', { testTimeout: 120_000 }),
      tier('http', { testTimeout: 120_000 }),
      tier('relay', { testTimeout: 60_000 }),
      tier('replicas', {
        testTimeout: 60_000,
        replicas: 2,
        // Without a redis-server the tests of the first folder are skipped and say why.
        include: [
          'test/replicas/**/*.test.ts',
          ...(findRedisServer() ? ON_SEVERAL_SERVERS.map((name) => `test/relay/${name}.test.ts`) : []),
        ],
      }),
      tier('faults', { testTimeout: 240_000, include: ['test/faults/*.test.ts'] }),
      tier('browser', { testTimeout: 60_000 }),
      tier('process', { testTimeout: 240_000 }),
      // Alone, after all others: it compares how long a neighbour waits.
      tier('neighbours', {
        testTimeout: 240_000,
        include: ['test/faults/neighbours/*.test.ts'],
        groupOrder: 1,
      }),
    ],
  },
});
