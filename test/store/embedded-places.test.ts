import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { EmbeddedError, findRunningEmbedded } from '../../src/db/embedded/postgres.ts';
import { ask, makeWorkshop } from '../support/embedded.ts';
import { fillFolder } from '../support/process.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const root = process.getuid?.() === 0;

let workshop = makeWorkshop();
let parent = '';
let dataDir = '';

beforeEach(async () => {
  workshop = makeWorkshop();
  parent = await workshop.folder();
  dataDir = path.join(parent, 'data');
});
afterEach(() => workshop.cleanUp());

const leaveMark = (url: string) => ask(url, 'CREATE TABLE mark AS SELECT 42 AS n');
const readMark = (url: string) => ask(url, 'SELECT n FROM mark');

describe.skipIf(!root)(
  'below a folder of mode 700 (skipped: only root has another user run PostgreSQL)',
  () => {
    test('the database lives where its user can reach it, and a file in DATA_DIR names the folder', async () => {
      await chmod(parent, 0o700);
      const first = await workshop.start(dataDir);
      expect(first.clusterDir).toMatch(/^\/var\/lib\/vault-relay\/[\w-]+-data-[0-9a-f]{12}\/cluster$/);
      await leaveMark(first.url);
      expect(await findRunningEmbedded(dataDir)).toBe(first.url);
      expect(await readdir(dataDir)).toEqual(['postgres-location.txt']);
      const note = await readFile(path.join(dataDir, 'postgres-location.txt'), 'utf8');
      expect(note).toContain(path.dirname(first.clusterDir));
      expect(note).toContain(`cannot enter ${parent}`);
      expect((await stat(parent)).mode & 0o777).toBe(0o700);
      await first.stop();

      await chmod(parent, 0o755);
      const second = await workshop.start(dataDir);
      expect(second.clusterDir).toBe(first.clusterDir);
      expect(await readMark(second.url)).toEqual({ n: 42 });
    });

    test('a database moves along when a folder above it is closed later', async () => {
      await fillFolder(dataDir);
      const first = await workshop.start(dataDir);
      expect(first.clusterDir).toBe(path.join(dataDir, 'postgres/cluster'));
      await leaveMark(first.url);
      await first.stop();
      await chmod(parent, 0o700);
      const second = await workshop.start(dataDir);
      expect(second.clusterDir).toMatch(/^\/var\/lib\/vault-relay\//);
      expect(await readMark(second.url)).toEqual({ n: 42 });
      expect(await readdir(dataDir)).toEqual(['postgres-location.txt']);
    });

    test('the database is found after DATA_DIR was renamed, and reported when missing: never an empty one', async () => {
      await chmod(parent, 0o700);
      const first = await workshop.start(dataDir);
      await leaveMark(first.url);
      await first.stop();
      const renamed = path.join(parent, 'renamed');
      await rename(dataDir, renamed);
      const second = await workshop.start(renamed);
      expect(await readMark(second.url)).toEqual({ n: 42 });
      await second.stop();
      await rm(path.dirname(first.clusterDir), { recursive: true });
      await expect(workshop.start(renamed)).rejects.toThrow(
        `DATA_DIR ${renamed} is missing from /var/lib/vault-relay/`,
      );
    });
  },
);

test('a file in the place of DATA_DIR is named and stays', async () => {
  await writeFile(dataDir, 'precious');
  const start = workshop.start(dataDir);
  await expect(start).rejects.toThrow(EmbeddedError);
  await expect(start).rejects.toThrow(
    `DATA_DIR ${dataDir} cannot hold the database because there is a file where a folder must be`,
  );
  expect(await readFile(dataDir, 'utf8')).toBe('precious');
});

test('a file above DATA_DIR is named', async () => {
  await writeFile(dataDir, '');
  await expect(workshop.start(path.join(dataDir, 'deeper'))).rejects.toThrow(/DATA_DIR .*deeper cannot hold/);
});

test.skipIf(root)('a folder that cannot be written is named (skipped: root writes everywhere)', async () => {
  await chmod(parent, 0o555);
  await expect(workshop.start(dataDir)).rejects.toThrow(
    `DATA_DIR ${dataDir} cannot hold the database because permission is denied`,
  );
  await chmod(parent, 0o755);
  expect(await readdir(parent)).toEqual([]);
});

test('other files in the place of the database stay untouched, and nothing new is left behind', async () => {
  await mkdir(path.join(dataDir, 'postgres/other'), { recursive: true });
  await expect(workshop.start(dataDir)).rejects.toThrow(
    /contains files that are not a database of this server/,
  );
  expect(await readdir(dataDir)).toEqual(['postgres']);
});

test('a refused start names the reason: a setting in the words of PostgreSQL, another major version with both', async () => {
  await fillFolder(dataDir);
  await expect(workshop.start(dataDir, { postgresFlags: ['-c', 'shared_buffers=nonsense'] })).rejects.toThrow(
    /invalid value for parameter "shared_buffers"/,
  );
  await writeFile(path.join(dataDir, 'postgres/cluster/PG_VERSION'), '16\n');
  await expect(workshop.start(dataDir)).rejects.toThrow(/created by PostgreSQL 16 and this is PostgreSQL 17/);
});
