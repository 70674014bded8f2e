import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { expect, test } from 'vitest';
import { withClient, withMigratedDatabase } from '../support/database.ts';
import { runHere, withFolder } from '../support/process.ts';
import { contentsOf } from '../support/transfer.ts';

/** Vaults of 32 rows, 64 KiB each. */
const fill = (vaults: number) => `
  SELECT count(*) FROM generate_series(1, ${vaults}) AS n, create_vault(json_build_object('vault_id', 'v-' || n,
    'summary', '', 'work_session_id', 'st', 'client_id', 'ann'), 0);
  SELECT count(*) FROM generate_series(1, ${vaults}) AS v, generate_series(1, 32) AS n,
    write_to_vaults(json_build_array(json_build_object('place', 0, 'op', 'append', 'vault_id', 'v-' || v,
      'work_session_id', 'st', 'client_id', 'ann', 'text', repeat('0123456789abcdef', 4096), 'key', 'k' || n,
      'request_hash', repeat('ab', 32))), 0, 0);`;

const HEAP_MB = 64;
/** Their text is half as large again as what the programs below may hold. */
const VAULTS = 48;

/** Runs the built program in a small heap, its output into a file. @returns the exit code and what it complained */
async function runSmall(args: string[], env: NodeJS.ProcessEnv, output: string) {
  const child = spawn(process.execPath, [`--max-old-space-size=${HEAP_MB}`, 'dist/main.js', ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  await pipeline(child.stdout, createWriteStream(output));
  return { code: await ended, stderr };
}

/** Two databases, the first one filled. */
const withServers = (
  vaults: number,
  work: (from: string, to: string, folder: string) => Promise<void>,
): Promise<void> =>
  withFolder((folder) =>
    withMigratedDatabase((from) =>
      withMigratedDatabase(async (to) => {
        await withClient(from, (client) => client.query(fill(vaults)));
        await work(from, to, folder);
      }),
    ),
  );

/** The program's end: killed as soon as a vault is there. */
async function killAfterFirstVault(url: string, file: string): Promise<number> {
  const child = spawn(process.execPath, ['dist/main.js', 'import', file], {
    env: { ...process.env, DATABASE_URL: url },
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const count = () =>
    withClient(url, async (client) => {
      const { rows } = await client.query('SELECT count(*)::int AS vaults FROM vaults');
      return rows[0].vaults as number;
    });
  while ((await count()) === 0) expect(child.exitCode).toBeNull();
  child.kill('SIGKILL');
  await ended;
  return count();
}

test(`a file of 100 MB is exported and imported within ${HEAP_MB} MB of heap, also after kill -9 in the middle`, async () => {
  await withServers(VAULTS, async (from, to, folder) => {
    const file = path.join(folder, 'export.ndjson');
    expect(await runSmall(['export'], { DATABASE_URL: from }, file)).toEqual({ code: 0, stderr: '' });
    expect((await stat(file)).size).toBeGreaterThan(VAULTS * 32 * 65_536);

    const there = await killAfterFirstVault(to, file);
    expect(there).toBeGreaterThan(0);
    expect(there).toBeLessThan(VAULTS);

    const said = path.join(folder, 'said');
    expect(await runSmall(['import', file], { DATABASE_URL: to }, said)).toEqual({ code: 0, stderr: '' });
    expect(await readFile(said, 'utf8')).toMatch(
      /^Imported \d+ vaults with \d+ rows\. \d+ vaults were already there, unchanged\.\n$/,
    );
    const keys = 'SELECT count(*)::int AS keys FROM vault_write_keys';
    const ask = async (url: string) => (await withClient(url, (client) => client.query(keys))).rows;
    expect(await ask(to)).toEqual(await ask(from));
    const heads = 'SELECT vault_id, head_seq, head_hash, bytes, versions FROM vaults ORDER BY vault_id';
    const headsOf = async (url: string) => (await withClient(url, (client) => client.query(heads))).rows;
    expect(await headsOf(to)).toEqual(await headsOf(from));
  });
});

test('a failure is one sentence and exit code 1', async () => {
  await withServers(2, async (from, to, folder) => {
    const failed = (message: string) => ({ code: 1, stderr: expect.stringContaining(message) });
    expect(await runHere(['export', '--vault', 'v-none'], { DATABASE_URL: from })).toMatchObject(
      failed('There is no vault v-none.'),
    );
    const file = path.join(folder, 'broken.ndjson');
    const { stdout } = await runHere(['export', '--vault', 'v-1'], { DATABASE_URL: from });
    const handle = await open(file, 'w');
    await handle.write(stdout.replace('0123456789abcdef', '0123456789abcdeF'));
    await handle.close();
    expect(await runHere(['import', file], { DATABASE_URL: to })).toMatchObject(
      failed('Line 4: it was changed'),
    );
    expect(await runHere(['import', path.join(folder, 'no-file')], { DATABASE_URL: to })).toMatchObject(
      failed(`The export ${path.join(folder, 'no-file')} cannot be read: there is no such file (ENOENT).`),
    );
    expect(await contentsOf(to)).not.toContain('v-1');
  });
});

test('the audit log is printed as a table, or as NDJSON', async () => {
  await withServers(1, async (from) => {
    const env = { DATABASE_URL: from };
    const table = await runHere(['audit', '--since', '1h', '--vault', 'v-1'], env);
    expect(table.code).toBe(0);
    expect(table.stdout).toMatch(/^TIME +ACTION +OUTCOME .*\n\S+Z {2}create +written +v-1 /);
    expect(table.stdout.split('\n')).toHaveLength(1 + 33 + 1);
    const json = await runHere(
      ['audit', '--since', '2000-01-01T00:00:00Z', '--action', 'append', '--json'],
      env,
    );
    const rows = json.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows).toHaveLength(32);
    expect(rows[0]).toMatchObject({
      action: 'append',
      outcome: 'written',
      vault_id: 'v-1',
      client_id: 'ann',
    });
    expect(await runHere(['audit', '--since', 'yesterday'], env)).toMatchObject({ code: 2, stdout: '' });
    expect(await runHere(['audit'], env)).toMatchObject({ code: 2, stdout: '' });
  });
});
