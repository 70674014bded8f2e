import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  useDatabase,
  withClient,
  withEmptyDatabase,
  withMigratedDatabase,
  withNewDatabase,
} from '../support/database.ts';
import { createSession, type Finished, run, runHere, serve, stop, withFolder } from '../support/process.ts';

/** Every command that reads or writes a database and is neither `serve` nor `migrate`. */
const COMMANDS = [
  ['session', 'create', '--astation', 'st'],
  ['session', 'create', '--astation', 'st', '--atem'],
  ['session', 'list'],
  ['key', 'create', '--astation', 'st', '--name', 'k', '--client-id', 'ci'],
  ['key', 'list'],
  ['key', 'revoke', 'x'],
  ['session', 'revoke', 'x'],
  ['open'],
  ['astation', 'list'],
  ['astation', 'forget-key', 'x'],
  ['verify'],
  ['verify', '--json'],
  ['audit', '--since', '1h'],
  ['export'],
  ['import'],
];

/** One sentence on stderr, exit code 1, and nothing else. */
function expectSentence({ code, stdout, stderr }: Finished, sentence: string | RegExp): void {
  expect(stderr).toMatch(/^vault-relay: [^\n]*\n$/);
  expect(stderr.slice('vault-relay: '.length)).toMatch(sentence);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
}

/** Runs the built program in a shell, whose `vr` it is. */
const shell = (script: string, env: NodeJS.ProcessEnv): Promise<Finished> =>
  new Promise((resolve) => {
    const vr = `vr() { "${process.execPath}" "${path.resolve('dist/main.js')}" "$@"; }`;
    execFile(
      'bash',
      ['-o', 'pipefail', '-c', `${vr}; ${script}`],
      { env: { ...process.env, ...env } },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });

const database = useDatabase();
/** A migrated database with a session. */
const migrated = {} as { DATABASE_URL: string };
beforeAll(async () => {
  migrated.DATABASE_URL = database.url;
  await createSession(migrated, 'st');
});

describe('C9: only serve and migrate make or migrate a database', () => {
  test.each(COMMANDS)('%s %s refuses a missing database, and creates none', (...args) =>
    withFolder(async (folder) => {
      const DATA_DIR = path.join(folder, 'data');
      expectSentence(
        await runHere(args, { DATA_DIR }),
        `DATA_DIR ${DATA_DIR} holds no database: run \`vault-relay serve\` or \`vault-relay migrate\` first`,
      );
      expect(existsSync(DATA_DIR)).toBe(false);
    }),
  );

  const tables = (url: string) =>
    withClient(url, async (client) => {
      const { rows } = await client.query(
        `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1`,
      );
      return rows.map(({ relname }) => relname as string);
    });

  test('an empty database is refused and stays empty', () =>
    withEmptyDatabase(async (DATABASE_URL) => {
      for (const args of COMMANDS) {
        expectSentence(
          await runHere(args, { DATABASE_URL }),
          'The database has no tables of vault-relay; run',
        );
      }
      expect(await tables(DATABASE_URL)).toEqual([]);
    }));

  test('an older database is refused, and a newer one, and neither is changed', () =>
    withMigratedDatabase(async (DATABASE_URL) => {
      const before = await tables(DATABASE_URL);
      const change = (sql: string) => withClient(DATABASE_URL, (client) => client.query(sql));
      await change(
        `UPDATE _prisma_migrations SET migration_name = '20990101000000_next' WHERE migration_name LIKE '%_rows_stored_together'`,
      );
      expectSentence(
        await runHere(['verify'], { DATABASE_URL }),
        'The database has migration 20990101000000_next, which this version does not know; run the newer version',
      );
      await change(`DELETE FROM _prisma_migrations WHERE migration_name = '20990101000000_next'`);
      for (const args of COMMANDS) {
        expectSentence(
          await runHere(args, { DATABASE_URL }),
          'The database is older than this program (it lacks 20261124200000_rows_stored_together); run `vault-relay migrate`',
        );
      }
      expect(await tables(DATABASE_URL)).toEqual(before);
    }));

  test('a database in another encoding is named, with the remedy', () =>
    withNewDatabase(
      `ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0`,
      async (DATABASE_URL) => {
        const env = { DATABASE_URL, PORT: '0', LOG_LEVEL: 'error' };
        for (const ended of [
          await runHere(['migrate'], env),
          await run(['serve'], env),
          await runHere(['session', 'list'], env),
        ]) {
          expectSentence(
            ended,
            `The database ${new URL(DATABASE_URL).pathname.slice(1)} has the encoding LATIN1, but vault-relay needs UTF8; create a database with ENCODING 'UTF8'`,
          );
        }
      },
    ));
});

describe('C16: a failure is one sentence and exit code 1', () => {
  test('import of an unreadable file', () =>
    withFolder(async (folder) => {
      const env = migrated;
      const missing = path.join(folder, 'missing');
      expectSentence(
        await runHere(['import', missing], env),
        `The export ${missing} cannot be read: there is no such file`,
      );
      expectSentence(
        await runHere(['import', folder], env),
        `The export ${folder} cannot be read: it is a folder`,
      );
      const circle = path.join(folder, 'circle');
      await symlink('circle', circle);
      expectSentence(
        await runHere(['import', circle], env),
        `The export ${circle} cannot be read: its links form a loop`,
      );
      expectSentence(
        await shell(`vr import < ${folder}`, env),
        'The export on stdin cannot be read: it is a folder',
      );
      const junk = path.join(folder, 'junk');
      await writeFile(junk, Buffer.from([0xff, 0xfe, 0x0a]));
      expectSentence(await runHere(['import', junk], env), 'Line 1: it is not UTF-8.');
    }));

  const FULL = 'The output cannot be written: the disk is full (ENOSPC).';

  test.each([
    'session create --astation st',
    'session create --astation st --json',
    'session create --astation st --atem',
    'session list --json',
    'key create --astation st --name k --client-id ci',
    'key list --json',
    'astation list',
    'verify',
    'verify --json',
    'audit --since 1h --json',
    'export',
    'openapi',
    '--help',
    '--version',
  ])('%s into a full disk', async (args) => {
    const out = createWriteStream('/dev/full');
    await once(out, 'open');
    expectSentence(await runHere(args.split(' '), migrated, { out }), FULL);
  });

  test.each(['session list --json', '--version'])('%s of a process into a full disk', async (args) => {
    expectSentence(await shell(`vr ${args} > /dev/full`, migrated), FULL);
  });

  test('a log that cannot be written ends no command', async () => {
    const env = { ...migrated, LOG_LEVEL: 'trace' };
    expect(await shell('vr migrate 2> /dev/full', env)).toMatchObject({ code: 0 });
    expect(await shell('vr session list 2> /dev/full', env)).toMatchObject({ code: 0 });
    expect(await shell('vr import nowhere 2> /dev/full', env)).toMatchObject({ code: 1, stdout: '' });
  });
});

describe('a reader that ends early is not a failure', () => {
  beforeAll(() =>
    withClient(database.url, (client) =>
      client.query(`
        INSERT INTO audit_log (action, outcome) SELECT 'append', 'written' FROM generate_series(1, 20000);
        INSERT INTO sessions (id_hash, hostname, status, expires_at)
          SELECT sha256(n::text::bytea), 'host', 'denied', now() FROM generate_series(1, 20000) AS n;
        SELECT count(*) FROM generate_series(1, 2000) AS n, create_vault(json_build_object('vault_id', 'v-' || n,
          'summary', '', 'work_session_id', 'st', 'client_id', 'ann'), 0)`),
    ),
  );

  test.each([
    'openapi | head -c 1',
    'audit --since 1h | head -1',
    'audit --since 1h --json | head -1',
    'session list | head -1',
    'session list --json | head -c 1',
    'export | head -1',
    'session create --astation st | true',
    '--help | true',
  ])('%s ends quietly', async (command) => {
    expect(await shell(`vr ${command} > /dev/null`, migrated)).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

describe('C8: a .env that exists and cannot be read stops every command', () => {
  test.each([
    ['UTF-16', Buffer.from('\ufeffPORT=0\n', 'utf16le'), 'is not text in UTF-8'],
    ['Latin 1', Buffer.from('HOST=\u00fc\n', 'latin1'), 'is not text in UTF-8'],
  ])('%s', (_, bytes, reason) =>
    withFolder(async (folder) => {
      await writeFile(path.join(folder, '.env'), bytes);
      const create = ['session', 'create', '--astation', 'st'];
      for (const ended of [
        await run(['serve'], {}, folder),
        await runHere(['migrate'], {}, { cwd: folder }),
        await runHere(create, {}, { cwd: folder }),
      ]) {
        expectSentence(ended, `The settings file ${path.join(folder, '.env')} ${reason}`);
      }
      expect(existsSync(path.join(folder, '.data'))).toBe(false);
    }),
  );

  test('a folder of that name', () =>
    withFolder(async (folder) => {
      await mkdir(path.join(folder, '.env'));
      const ended = await runHere(['session', 'list'], {}, { cwd: folder });
      expectSentence(ended, 'cannot be read: it is a folder');
    }));

  test('with a byte order mark it is read', () =>
    withFolder(async (folder) => {
      await writeFile(path.join(folder, '.env'), '\ufeffPORT=nonsense\n');
      const ended = await runHere(['session', 'list'], {}, { cwd: folder });
      expectSentence(ended, 'PORT must be a whole number');
    }));
});

test('C10: PG* variables of the environment never reach the embedded database', () =>
  withFolder(async (folder) => {
    const env = {
      DATA_DIR: path.join(folder, 'data'),
      LOG_LEVEL: 'warn',
      PGHOST: '192.0.2.1',
      PGHOSTADDR: '192.0.2.1',
      PGPORT: '1',
      PGUSER: 'somebody',
      PGPASSWORD: 'wrong',
      PGPASSFILE: '/nowhere',
      PGDATABASE: 'another',
      PGSSLMODE: 'verify-full',
      PGSSLNEGOTIATION: 'direct',
      PGSSLROOTCERT: '/nowhere',
      PGOPTIONS: '-c default_transaction_read_only=on',
      PGAPPNAME: 'psql',
      PGCLIENTENCODING: 'LATIN1',
      PGCLIENT_ENCODING: 'LATIN1',
      PGREPLICATION: 'database',
      PGCONNECT_TIMEOUT: '1',
      PGSERVICE: 'nowhere',
      PGDATESTYLE: 'German',
      PGTZ: 'Asia/Tokyo',
      PGTARGETSESSIONATTRS: 'standby',
      PGDATA: '/nowhere',
    };
    const { program, url } = await serve(env);
    expect(program.stderr).toBe('');
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: 'ok', database: 'ok' });
    expect(await run(['session', 'create', '--astation', '團隊'], env)).toMatchObject({ code: 0 });
    expect(await stop(program)).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse((await run(['session', 'list', '--json'], env)).stdout)).toMatchObject([
      { astation_id: '團隊', status: 'granted' },
    ]);
  }));

test('session create --atem prints the file of atem, and its path on stderr', async () => {
  const env = { ...migrated, XDG_CONFIG_HOME: '/home/me/conf' };
  const { code, stdout, stderr } = await run(
    ['session', 'create', '--astation', 'my-astation', '--hostname', 'my-host', '--atem'],
    env,
  );
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    sessions: {
      'my-astation': {
        session_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        token: 'unused',
        astation_id: 'my-astation',
        hostname: 'my-host',
        last_activity: 4_102_444_800,
      },
    },
  });
  expect(stderr).toContain('/home/me/conf/atem/sessions.json');
  expect(await runHere(['session', 'create', '--astation', 'a', '--atem', '--json'], env)).toMatchObject({
    code: 2,
    stdout: '',
  });
});
