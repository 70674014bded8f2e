import { defineConfig } from 'vitest/config';

/** Tiers have names and run alone: `npx vitest run --project unit`. */
const tier = (name: string, options: { database: boolean; testTimeout?: number }) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: options.testTimeout ?? 20_000,
    hookTimeout: 60_000,
    ...(options.database ? { globalSetup: ['test/support/global-setup.ts'] } : {}),
  },
});

export default defineConfig({
  test: {
    // A test that leaves something open fails.
    dangerouslyIgnoreUnhandledErrors: false,
    teardownTimeout: 10_000,
    maxWorkers: 2,
    projects: [
      tier('unit', { database: false }),
      tier('store', { database: true, testTimeout: 120_000 }),
      tier('http', { database: true, testTimeout: 120_000 }),
      tier('relay', { database: true, testTimeout: 60_000 }),
      tier('faults', { database: true, testTimeout: 240_000 }),
      tier('browser', { database: true, testTimeout: 60_000 }),
      tier('process', { database: false, testTimeout: 240_000 }),
    ],
  },
});
