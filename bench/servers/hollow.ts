import pino from 'pino';
import type { Database } from '../../src/db/client.ts';

/**
 * The built server with one part replaced: its vaults use a fake database that answers at once. The remaining cost of a
 * call is the cost without the database.
 */
const load = async <T>(file: string): Promise<T> =>
  import(new URL(`../../dist/${file}`, import.meta.url).href);
const { readConfig } = await load<typeof import('../../src/config.ts')>('config.js');
const { openServices } = await load<typeof import('../../src/services.ts')>('services.js');
const { buildApp } = await load<typeof import('../../src/app.ts')>('app.js');
const { VaultStore } = await load<typeof import('../../src/vault/store.ts')>('vault/store.js');
const { VaultFeed } = await load<typeof import('../../src/vault/follow/feed.ts')>('vault/follow/feed.js');

const outcomeOf = (place: number) => ({
  place,
  outcome: 'written',
  entry_no: 1,
  version: 1,
  seq: 1n,
  current: null,
});

/** Returns one outcome per write. It does not parse the writes, because that is the database's work. */
async function answer(_sql: string, writes: string) {
  const outcomes = [];
  for (let at = writes.indexOf('{"place":'); at >= 0; at = writes.indexOf('{"place":', at + 1)) {
    outcomes.push(outcomeOf(outcomes.length));
  }
  return outcomes;
}
const nothing = { rows: answer, commit: answer } as unknown as Database;

const config = readConfig({ ...process.env, RATE_LIMIT_PER_MINUTE: '0', GRANT_LIMIT_PER_MINUTE: '0' });
const log = pino({ level: 'warn' });
const services = await openServices({ config, databaseUrl: config.databaseUrl ?? '', log });
const vaults = new VaultStore(nothing, new VaultFeed(), config);
const app = await buildApp({ config, services: { ...services, vaults }, log, version: 'bench' });
console.log(`listens on ${await app.listen({ host: '127.0.0.1', port: 0 })}`);
process.once('SIGTERM', async () => {
  await app.close();
  await services.close();
});
