import { describe } from 'vitest';
import { afterEveryFile } from './after.ts';
import { findRedisServer } from './find-redis.ts';
import { DATABASES, RedisServer } from './redis-server.ts';

/** Groups tests that need Redis; without one they are skipped, and their title says how to run them. */
export function describeWithRedis(title: string, define: () => void): void {
  if (findRedisServer() !== undefined) describe(title, define);
  else {
    describe.skip(
      `${title} (skipped: redis-server is not installed; apt-get install redis-server, or set REDIS_SERVER_PATH)`,
      define,
    );
  }
}

let shared: Promise<RedisServer> | undefined;
let taken = 0;

afterEveryFile(async () => {
  await (await shared)?.kill();
  shared = undefined;
  taken = 0;
});

/** A database of the test file's Redis that nobody else uses. @returns its address */
export async function takeRedisDatabase(): Promise<string> {
  shared ??= RedisServer.start();
  if (taken === DATABASES) throw new Error(`A test file may use ${DATABASES} databases of Redis`);
  return (await shared).url(taken++);
}
