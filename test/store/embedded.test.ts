import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EmbeddedError, findRunningEmbedded } from '../../src/db/embedded/postgres.ts';
import { ask, eventually, isAlive, makeWorkshop, postmasterOf } from '../support/embedded.ts';
import { fillFolder } from '../support/process.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let workshop = makeWorkshop();
let dataDir = '';

beforeEach(async () => {
  workshop = makeWorkshop();
  dataDir = path.join(await workshop.folder(), 'data');
});
afterEach(() => workshop.cleanUp());

const leaveMark = (url: string) => ask(url, 'CREATE TABLE mark AS SELECT 42 AS n');
const readMark = (url: string) => ask(url, 'SELECT n FROM mark');

test('a first start makes a database that is durable, local, closed to others and discreet in its log', async () => {
  const { url, clusterDir } = await workshop.start(dataDir, { postgresFlags: [] });
  expect(url).toMatch(/^postgres:\/\/postgres:[\w-]{32}@127\.0\.0\.1:\d+\/vault_relay\?/);
  const row = await ask(
    url,
    `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
       current_setting('data_checksums') AS checksums, current_setting('server_encoding') AS encoding,
       current_setting('listen_addresses') AS listen, current_setting('unix_socket_directories') AS sockets,
       'é' < 'z' AS by_locale, upper('é') AS upper`,
  );
  expect(row).toEqual({
    fsync: 'on',
    commit: 'on',
    checksums: 'on',
    encoding: 'UTF8',
    listen: '127.0.0.1',
    sockets: '',
    by_locale: false,
    upper: 'É',
  });
  const home = path.dirname(clusterDir);
  expect((await stat(path.join(home, 'password'))).mode & 0o777).toBe(0o600);
  expect(await readdir(dataDir)).toEqual(['postgres']);

  await expect(ask(url.replace(/:[\w-]{32}@/, ':wrong@'), 'SELECT 1')).rejects.toThrow(
    /password authentication/,
  );
  await expect(ask(url, "SELECT 'top-secret'::integer")).rejects.toThrow(/invalid input syntax/);
  expect(await readFile(path.join(home, 'postgres.log'), 'utf8')).not.toContain('top-secret');
});

test('data survive stop and start, and stop may be called twice', async () => {
  await fillFolder(dataDir);
  const first = await workshop.start(dataDir);
  await leaveMark(first.url);
  const pid = await postmasterOf(first.clusterDir);
  await Promise.all([first.stop(), first.stop()]);
  expect(isAlive(pid)).toBe(false);
  const second = await workshop.start(dataDir);
  expect(await readMark(second.url)).toEqual({ n: 42 });
});

test('after kill -9 of only the server, the next start stops the orphaned PostgreSQL and has the data', async () => {
  await fillFolder(dataDir);
  const owner = workshop.owner(dataDir);
  const { url = '', clusterDir = '' } = await owner.said;
  await leaveMark(url);
  const orphan = await postmasterOf(clusterDir);
  await owner.kill();
  expect(isAlive(orphan)).toBe(true);
  const next = await workshop.start(dataDir);
  expect(isAlive(orphan)).toBe(false);
  expect(await readMark(next.url)).toEqual({ n: 42 });
});

test('after kill -9 of server and PostgreSQL, the next start recovers', async () => {
  await fillFolder(dataDir);
  const owner = workshop.owner(dataDir);
  const { url = '', clusterDir = '' } = await owner.said;
  await leaveMark(url);
  process.kill(await postmasterOf(clusterDir), 'SIGKILL');
  await owner.kill();
  const next = await workshop.start(dataDir);
  expect(await readMark(next.url)).toEqual({ n: 42 });
});

test('two starts that both find an orphan: one gets the database', async () => {
  await fillFolder(dataDir);
  const killed = workshop.owner(dataDir);
  await leaveMark((await killed.said).url ?? '');
  await killed.kill();
  const said = await Promise.all([workshop.owner(dataDir).said, workshop.owner(dataDir).said]);
  const winner = said.find(({ url }) => url)?.url ?? '';
  expect(await readMark(winner)).toEqual({ n: 42 });
  expect(said.filter(({ error }) => error?.includes('another vault-relay server'))).toHaveLength(1);
});

test('two simultaneous first starts: one wins, the other is refused with the name of the owner', async () => {
  const owners = [workshop.owner(dataDir), workshop.owner(dataDir)];
  const said = await Promise.all(owners.map((owner) => owner.said));
  const winner = said.findIndex(({ url }) => url);
  expect(said[1 - winner]?.error).toContain(`another vault-relay server (process ${owners[winner]?.pid})`);
  expect(await ask(said[winner]?.url ?? '', 'SELECT 1 AS one')).toEqual({ one: 1 });
  expect(await readdir(dataDir)).toEqual(['postgres']);
});

test('the next start succeeds after a first start that was killed midway', async () => {
  const owner = workshop.owner(dataDir);
  await eventually('initdb is at work', async () => {
    const [name] = await readdir(dataDir).catch((): string[] => []);
    const files = await readdir(path.join(dataDir, String(name), 'cluster')).catch((): string[] => []);
    return files.includes('base');
  });
  await owner.kill();
  expect(await readdir(dataDir)).not.toContain('postgres');
  const next = await workshop.start(dataDir);
  expect(await ask(next.url, 'SELECT 1 AS one')).toEqual({ one: 1 });
  expect(await readdir(dataDir)).toEqual(['postgres']);
});

test('a postmaster.pid whose id is another living process does not block the start', async () => {
  await fillFolder(dataDir);
  const first = await workshop.start(dataDir);
  const pidFile = path.join(first.clusterDir, 'postmaster.pid');
  const content = await readFile(pidFile, 'utf8');
  await first.stop();
  const { uid, gid } = await stat(first.clusterDir);
  const stranger = workshop.stranger(uid, gid);
  await writeFile(pidFile, content.replace(/^\d+/, String(stranger)));
  const second = await workshop.start(dataDir);
  expect(await ask(second.url, 'SELECT 1 AS one')).toEqual({ one: 1 });
  expect(isAlive(stranger)).toBe(true);
});

test('a command uses the database of a running server and leaves it running', async () => {
  await fillFolder(dataDir);
  const server = await workshop.start(dataDir);
  expect(await findRunningEmbedded(dataDir)).toBe(server.url);
  const command = await workshop.start(dataDir, { owner: 'command' });
  expect(command.url).toBe(server.url);
  await command.stop();
  expect(await ask(server.url, 'SELECT 1 AS one')).toEqual({ one: 1 });
  await server.stop();
  expect(await findRunningEmbedded(dataDir)).toBeUndefined();
});

test('searching for a running server without one changes nothing', async () => {
  expect(await findRunningEmbedded(dataDir)).toBeUndefined();
  await expect(stat(dataDir)).rejects.toThrow(/ENOENT/);
});

test('a server that starts while a command has the database waits for it', async () => {
  await fillFolder(dataDir);
  const command = workshop.owner(dataDir, { owner: 'command' });
  await leaveMark((await command.said).url ?? '');
  expect(await findRunningEmbedded(dataDir)).toBeUndefined();
  const server = workshop.start(dataDir);
  command.tell('stop');
  expect(await readMark((await server).url)).toEqual({ n: 42 });
});

test('a PostgreSQL that dies is reported, a stopped one is not', async () => {
  await fillFolder(dataDir);
  const first = await workshop.start(dataDir);
  const reasons: string[] = [];
  first.onUnexpectedExit((reason) => reasons.push(reason));
  process.kill(await postmasterOf(first.clusterDir), 'SIGKILL');
  await eventually('the listener was called', () => reasons.length > 0);
  expect(reasons).toEqual(['the embedded PostgreSQL ended unexpectedly (killed by SIGKILL)']);
  await first.stop();

  const second = await workshop.start(dataDir);
  second.onUnexpectedExit((reason) => reasons.push(reason));
  await second.stop();
  expect(reasons).toHaveLength(1);
});

test('a second server is refused by name, the first keeps running, and its exit ends PostgreSQL too', async () => {
  await fillFolder(dataDir);
  const owner = workshop.owner(dataDir);
  const { url = '', clusterDir = '' } = await owner.said;
  const second = workshop.start(dataDir);
  await expect(second).rejects.toThrow(EmbeddedError);
  await expect(second).rejects.toThrow(
    `DATA_DIR ${dataDir} is in use by another vault-relay server (process ${owner.pid})`,
  );
  expect(await ask(url, 'SELECT 1 AS one')).toEqual({ one: 1 });
  const postmaster = await postmasterOf(clusterDir);
  owner.tell('exit');
  await owner.ended;
  await eventually('PostgreSQL has ended', () => !isAlive(postmaster));
});
