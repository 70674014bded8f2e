import { execFile } from 'node:child_process';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { runHere, withFolder } from '../support/process.ts';
import { useServer } from '../support/server.ts';

const database = useDatabase();
const server = useServer(database);
let key: string;
let session: string;
beforeAll(async () => {
  key = (await server.makeKey('st', { clientId: 'ann' })).key;
  session = await server.login('st');
});

/** A folder for the settings of one person, and the file in it. */
const withHome = (work: (env: NodeJS.ProcessEnv, file: string) => Promise<void>) =>
  withFolder((XDG_CONFIG_HOME) =>
    work({ XDG_CONFIG_HOME }, path.join(XDG_CONFIG_HOME, 'vault-relay/config.json')),
  );

const YOU = () => `You are ann in the work session st of ${server.url}.\n`;
const list = (env: NodeJS.ProcessEnv, ...args: string[]) =>
  runHere(['vault', 'list', '--json', ...args], env);
const DONE = { code: 0, stdout: '[]\n', stderr: '' };

test('login checks the key of its input, and stores it for its owner alone; vault then needs no settings', () =>
  withHome(async (env, file) => {
    const login = (input: string, ...args: string[]) =>
      runHere(['login', `${server.url}/`, ...args], env, { input });
    expect(await login('unknown\n')).toMatchObject({ code: 1, stdout: '' });
    expect(await login('\n')).toMatchObject({ code: 2, stdout: '' });
    await expect(stat(file)).rejects.toThrow('ENOENT');

    const stderr = `Stored in ${file}, readable for you alone.\n`;
    expect(await login(`${key}\n`)).toEqual({ code: 0, stdout: YOU(), stderr });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(path.dirname(file))).mode & 0o077).toBe(0);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ url: server.url, key });
    expect(await list(env)).toEqual(DONE);

    // A later login replaces it, and a file with other rights too.
    await chmod(file, 0o644);
    const asSession = await login('', '--key', session, '--client-id', 'bob b', '--json');
    expect(JSON.parse(asSession.stdout)).toEqual({ work_session_id: 'st', client_id: 'bob b' });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await list(env)).toEqual(DONE);
  }));

test('login refuses an address with another scheme or a password', async () => {
  for (const url of [
    'relay.example',
    'ftp://relay.example',
    'https://ann:secret@relay.example',
    'http://a/?b',
  ]) {
    const { code, stderr } = await runHere(['login', url, '--key', key], {});
    expect(code).toBe(2);
    expect(stderr).toContain('It must be the address of a server, such as https://relay.example.org');
  }
});

const hasScript = () =>
  promisify(execFile)('script', ['--version']).then(
    () => true,
    () => false,
  );

test.skipIf(!(await hasScript()))(
  'login on a terminal asks for the key, and does not show it (needs `script`)',
  () =>
    withHome(async (env, file) => {
      const command = `${process.execPath} ${path.resolve('dist/main.js')} login ${server.url}`;
      const child = promisify(execFile)('script', ['-qec', command, '/dev/null'], {
        env: { ...process.env, ...env },
      });
      child.child.stdout?.on('data', (text: string) => {
        if (text.includes('is not shown')) child.child.stdin?.end(`${key}\r`);
      });
      const { stdout } = await child;
      expect(stdout).toContain(YOU().trim());
      expect(stdout).not.toContain(key);
      expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ key });
    }),
);

describe('options win over the environment, and both over the file', () => {
  const store = async (env: NodeJS.ProcessEnv) => {
    await runHere(['login', server.url, '--key', session, '--client-id', 'filed'], env);
    return { ...env, VAULT_RELAY_URL: 'http://127.0.0.1:9', VAULT_RELAY_KEY: 'unknown' };
  };

  test('the key of an option or variable goes to the server of the file', () =>
    withHome(async (env) => {
      await store(env);
      expect(await list({ ...env, VAULT_RELAY_KEY: key })).toEqual(DONE);
      expect(await list({ ...env, VAULT_RELAY_KEY: 'unknown' }, '--key', key)).toEqual(DONE);
      expect(await list({ ...env, VAULT_RELAY_KEY: 'unknown' })).toMatchObject({ code: 1 });
      // The client id of the file belongs to the session of the file.
      expect(await list(env, '--key', session)).toMatchObject({ code: 1 });
      expect(await list(env, '--key', session, '--client-id', 'given')).toEqual(DONE);
    }));

  test('options are enough where variables and file are wrong', () =>
    withHome(async (env, file) => {
      const wrong = await store(env);
      await writeFile(file, 'nonsense');
      expect(await list(wrong, '--url', server.url, '--key', key)).toEqual(DONE);
    }));

  test('the key of the file goes to no other server', () =>
    withHome(async (env, file) => {
      await store(env);
      const other = await list({ ...env, VAULT_RELAY_URL: 'https://other.example' });
      expect(other.stderr).toBe(
        `vault-relay: The key in ${file} belongs to ${server.url}, not to https://other.example. Give a key with --key or VAULT_RELAY_KEY.\n`,
      );
      expect(await list({ ...env, VAULT_RELAY_URL: `${server.url}/` })).toEqual(DONE);
    }));

  test('a .env of the folder is not read', () =>
    withHome(async (env) => {
      await withFolder(async (cwd) => {
        await writeFile(path.join(cwd, '.env'), `VAULT_RELAY_URL=${server.url}\nVAULT_RELAY_KEY=${key}\n`);
        const { stderr } = await runHere(['vault', 'list'], env, { cwd });
        expect(stderr).toContain('There is no server to use.');
      });
    }));
});

test('a file that others may open, or that is damaged, is refused with what to do', () =>
  withHome(async (env, file) => {
    await runHere(['login', server.url, '--key', key], env);
    const refusal = async () =>
      (await list(env)).stderr.replace(/^vault-relay: The settings file (\S+) /, '');
    for (const mode of [0o640, 0o604, 0o622]) {
      await chmod(file, mode);
      expect(await refusal()).toBe(`holds a key, but other users may open it. Run \`chmod 600 ${file}\`.\n`);
    }
    await chmod(file, 0o600);
    for (const [text, sentence] of [
      ['{', 'is not JSON. Run `vault-relay login <url>` again.\n'],
      ['null', 'must hold "url" and "key" as texts. Run `vault-relay login <url>` again.\n'],
      [
        '{"url":"http://a","key":"b","client_id":1}',
        'must hold "url" and "key" as texts. Run `vault-relay login <url>` again.\n',
      ],
    ] as const) {
      await writeFile(file, text);
      expect(await refusal()).toBe(sentence);
    }
    await writeFile(file, '{"url":"a","key":"b"}');
    expect((await list(env)).stderr).toContain(`"url" in ${file} must be the address of a server`);
  }));
