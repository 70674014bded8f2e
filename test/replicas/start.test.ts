import { expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { run, serve, stop } from '../support/process.ts';

const database = useDatabase();

const encode = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;

/** Lets a program fail as soon as it loads the client of Redis. */
const WITHOUT_REDIS = `--import=${encode(`
  import { register } from 'node:module';
  register(${JSON.stringify(
    encode(`
      export const resolve = (name, context, next) => {
        if (name === 'ioredis') throw new Error('the client of Redis was loaded');
        return next(name, context);
      };
    `),
  )});
`)}`;

test('a single server loads no Redis client', async () => {
  const env = { DATABASE_URL: database.url, NODE_OPTIONS: WITHOUT_REDIS };
  const { program, url } = await serve(env);
  const health = (await (await fetch(`${url}/health`)).json()) as object;
  expect(health).toMatchObject({ status: 'ok' });
  expect(health).not.toHaveProperty('redis');
  expect((await stop(program)).code).toBe(0);
  // With it, the same program does: what is refused here is what would be loaded.
  const other = await run(['serve'], { ...env, PORT: '0', REDIS_URL: 'redis://127.0.0.1:1' });
  expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('the client of Redis was loaded')]);
});

test('several servers without REDIS_URL do not start', async () => {
  const { code, stderr } = await run(['serve'], { DATABASE_URL: database.url, RELAY_REPLICAS_EXPECTED: '2' });
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/^vault-relay: .*RELAY_REPLICAS_EXPECTED.*REDIS_URL.*\n$/),
  ]);
});

test('a bad REDIS_URL stops the start, and is not printed', async () => {
  const env = { DATABASE_URL: database.url, REDIS_URL: 'http://:s3cret@cache' };
  const { code, stdout, stderr } = await run(['serve'], env);
  expect(code).toBe(1);
  expect(stderr).toBe('vault-relay: Bad configuration: REDIS_URL must be a redis:// or rediss:// address.\n');
  expect(stdout).not.toContain('s3cret');
});

test('the password in REDIS_URL appears in no line of the log', async () => {
  const env = { DATABASE_URL: database.url, REDIS_URL: 'redis://:s3cret@127.0.0.1:1', LOG_LEVEL: 'trace' };
  const { program } = await serve(env);
  await program.printed(/Redis cannot be reached/, 'stderr');
  const { code, stdout, stderr } = await stop(program);
  expect(code).toBe(0);
  expect(stdout + stderr).not.toContain('s3cret');
});
