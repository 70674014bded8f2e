import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findRunningEmbedded } from '../../src/db/embedded/postgres.ts';
import { RestVaults, rest } from '../support/client.ts';
import {
  createSession,
  type Program,
  run,
  runHere,
  serve,
  stop,
  useDataDir,
  withFolder,
} from '../support/process.ts';

const withDatabase = useDataDir();

/** One sentence on stderr, and nothing else. */
const complaint = (stderr: string) => {
  const lines = stderr.split('\n').filter((line) => line.startsWith('vault-relay: '));
  expect(lines).toHaveLength(1);
  return lines[0];
};

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  '%s stops the server and its embedded database in order',
  async (signal) => {
    await withDatabase(async (DATA_DIR) => {
      const { program, url } = await serve({ DATA_DIR });
      expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: 'ok', database: 'ok' });
      const databaseUrl = await findRunningEmbedded(DATA_DIR);
      expect(databaseUrl).toBeDefined();
      program.signal(signal);
      expect((await program.finished).code).toBe(0);
      await expect(new pg.Client({ connectionString: databaseUrl }).connect()).rejects.toThrow(
        /ECONNREFUSED/,
      );
      expect(await findRunningEmbedded(DATA_DIR)).toBeUndefined();
    });
  },
);

describe('beside a running server', () => {
  const withOwnDatabase = useDataDir();
  const env = {} as { DATA_DIR: string };
  let session: string;
  let program: Program;
  let url: string;
  beforeAll(async () => {
    await withOwnDatabase(async (DATA_DIR) => {
      env.DATA_DIR = DATA_DIR;
      session = await createSession(env, 'st-before');
      ({ program, url } = await serve(env));
    });
  });
  afterAll(() => stop(program));

  test('the start prints where it listens, how to make a session, and a first hand-over', async () => {
    await program.printed(/agent-b/);
    expect(program.stdout).toContain('npx vault-relay session create --astation my-astation');
    expect(program.stdout).toContain(`'${url}/api/vault?id=agent-a'`);
  });

  test('a second server on the same DATA_DIR ends with one sentence, and the first keeps running', async () => {
    const second = await run(['serve'], { ...env, PORT: '0' });
    expect(second.code).toBe(1);
    expect(complaint(second.stderr)).toMatch(
      new RegExp(`DATA_DIR .*${path.basename(env.DATA_DIR)}.*${program.child.pid}`),
    );
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });

  test('a DATABASE_URL with a wrong password ends the start and names the variable', async () => {
    const databaseUrl = new URL((await findRunningEmbedded(env.DATA_DIR)) ?? '');
    databaseUrl.password = 'wrong';
    const { code, stderr } = await run(['serve'], { PORT: '0', DATABASE_URL: databaseUrl.href });
    expect(code).toBe(1);
    expect(complaint(stderr)).toMatch(/Cannot connect to PostgreSQL at DATABASE_URL \(28P01/);
  });

  test('the session commands work, as they did without it', async () => {
    const list = () => rest('GET', `${url}/api/vault?id=a`, { session });
    expect((await list()).status).toBe(200);
    const listed = await run(['session', 'list', '--json'], env);
    const [info] = JSON.parse(listed.stdout) as {
      astation_id: string;
      fingerprint: string;
      status: string;
    }[];
    expect(info).toMatchObject({ astation_id: 'st-before', status: 'granted' });
    expect(listed.stdout).not.toContain(session);
    const revoked = await runHere(['session', 'revoke', info?.fingerprint ?? ''], env);
    expect(revoked).toMatchObject({ code: 0, stdout: 'Revoked.\n' });
    expect((await list()).status).toBe(401);
  });

  test('revoking an unknown session fails with exit code 1 and names the command that lists sessions', async () => {
    const { code, stderr } = await runHere(['session', 'revoke', 'nobody'], env);
    expect(code).toBe(1);
    expect(complaint(stderr)).toContain('vault-relay session list');
  });
});

test('a port in use ends the start, names PORT, and leaves no database behind', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const PORT = String((other.address() as AddressInfo).port);
  await withDatabase(async (DATA_DIR) => {
    const { code, stderr } = await run(['serve'], { DATA_DIR, PORT });
    expect(code).toBe(1);
    expect(complaint(stderr)).toBe(
      `vault-relay: Port ${PORT} on 127.0.0.1 is in use; stop the program that uses it, or set PORT to another port.`,
    );
    expect(await findRunningEmbedded(DATA_DIR)).toBeUndefined();
  });
  other.close();
});

test('an unreachable DATABASE_URL ends the start, without a fallback', async () => {
  await withFolder(async (folder) => {
    const DATA_DIR = path.join(folder, 'data');
    const { code, stderr } = await run(['serve'], {
      DATA_DIR,
      DATABASE_URL: 'postgres://u:secret@127.0.0.1:1/x',
    });
    expect(code).toBe(1);
    expect(complaint(stderr)).toMatch(
      /^vault-relay: Cannot connect to PostgreSQL at DATABASE_URL .*ECONNREFUSED/,
    );
    expect(stderr).not.toContain('secret');
    expect(existsSync(DATA_DIR)).toBe(false);
  });
});

test('a bad setting ends the start and names the variable', async () => {
  const { code, stderr } = await run(['serve'], { PORT: 'eighty' });
  expect(code).toBe(1);
  expect(complaint(stderr)).toBe('vault-relay: Bad configuration: PORT must be a whole number.');
});

test('a file in the place of DATA_DIR ends the start and stays as it was', async () => {
  await withFolder(async (folder) => {
    const DATA_DIR = path.join(folder, 'data');
    await writeFile(DATA_DIR, 'mine');
    const { code, stderr } = await run(['serve'], { DATA_DIR, PORT: '0' });
    expect(code).toBe(1);
    expect(complaint(stderr)).toContain(`DATA_DIR ${DATA_DIR}`);
  });
});

test('after kill -9 of the server the next start recovers', async () => {
  await withDatabase(async (DATA_DIR) => {
    const first = await serve({ DATA_DIR });
    const session = await createSession({ DATA_DIR }, 'st');
    const vaultId = (await new RestVaults(first.url, { session, clientId: 'a' }).create('kept')).body
      .vault_id;
    first.program.signal('SIGKILL');
    await first.program.finished;
    const second = await serve({ DATA_DIR });
    const list = await new RestVaults(second.url, { session, clientId: 'a' }).list();
    expect(list.body).toEqual([{ vault_id: vaultId, summary: 'kept' }]);
    await stop(second.program);
  });
});

test.each([
  [['session', 'create']],
  [['session', 'create', '--astation', '']],
  [['session', 'revoke']],
  [['frobnicate']],
  [['serve', '--frobnicate']],
])('the command line %j is a usage error: exit code 2, nothing done', async (args) => {
  await withFolder(async (folder) => {
    const DATA_DIR = path.join(folder, 'data');
    const { code, stderr } = await runHere(args, { DATA_DIR, PORT: '0' });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: /);
    expect(existsSync(DATA_DIR)).toBe(false);
  });
});

test('a .env file in the working directory is read, and environment variables override it', async () => {
  await withFolder(async (folder) => {
    await writeFile(path.join(folder, '.env'), 'PORT=nonsense\nLOG_LEVEL=silent\n');
    const asked = await run(['serve'], {}, folder);
    expect(complaint(asked.stderr)).toContain('PORT must be a whole number');
    const { code, stderr } = await run(['serve'], { PORT: '99999' }, folder);
    expect(code).toBe(1);
    expect(complaint(stderr)).toContain('PORT must be at most 65535');
  });
});
