import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { RestVaults } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { createSession, withFolder } from '../support/process.ts';

const root = path.resolve(import.meta.dirname, '../..');
const database = useDatabase();

/** What the program reads of its folder when it runs from its sources. */
const COPIED = ['src', 'package.json', 'tsconfig.json', 'prisma', 'openapi', 'public'];

/** Copies the tree, and applies the example of CONTRIBUTING.md to the copy. @returns the files that the example changes */
async function copyWithExample(folder: string): Promise<string[]> {
  const contributing = await readFile(path.join(root, 'CONTRIBUTING.md'), 'utf8');
  const [, diff = ''] = /```diff\n(.*?)```/s.exec(contributing) ?? [];
  for (const name of COPIED) await cp(path.join(root, name), path.join(folder, name), { recursive: true });
  await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  await writeFile(path.join(folder, 'call.diff'), diff);
  await promisify(execFile)('git', ['apply', 'call.diff'], { cwd: folder });
  return [...diff.matchAll(/^\+\+\+ b\/(.*)$/gm)].map(([, file = '']) => file);
}

/** Runs work on the server of a tree, from its sources. */
async function withServerOf(folder: string, work: (url: string) => Promise<void>): Promise<void> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts', 'serve'], {
    cwd: folder,
    env: { ...process.env, DATABASE_URL: database.url, PORT: '0', LOG_LEVEL: 'error' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  try {
    for await (const line of createInterface(child.stdout)) {
      const [, url] = /listens on (http:\S+)/.exec(line) ?? [];
      if (url === undefined) continue;
      await work(url);
      return;
    }
    throw new Error('The server ended before it listened.');
  } finally {
    child.kill();
    await ended;
  }
}

test('adding a call: the example of CONTRIBUTING.md changes one folder, and each surface has the call', async () => {
  await withFolder(async (folder) => {
    const files = await copyWithExample(folder);
    expect(new Set(files.map((file) => path.dirname(file)))).toEqual(new Set(['src/vault/read']));
    const session = await createSession({ DATABASE_URL: database.url }, 'st-1');
    await withServerOf(folder, async (url) => {
      const vaults = new RestVaults(url, { session, clientId: 'ann' });
      const { vault_id } = (await vaults.create('with a writer')).body;
      await vaults.append(vault_id, 'written');
      const headers = { authorization: `session ${session}` };
      const ask = (path: string, init: RequestInit = { headers }) => fetch(`${url}${path}`, init);

      const onRest = await ask(`/api/vault/${vault_id}/writers?id=ann`);
      expect([onRest.status, await onRest.json()]).toEqual([200, ['ann']]);
      const input = encodeURIComponent(JSON.stringify({ vault_id }));
      const onTrpc = await ask(`/trpc/vault.writers?id=ann&input=${input}`);
      expect(await onTrpc.json()).toEqual({ result: { data: ['ann'] } });
      const document = (await (await ask('/api/openapi.json')).json()) as {
        paths: Record<string, Record<string, { operationId: string }>>;
      };
      expect(document.paths['/api/vault/{vault_id}/writers']?.get).toMatchObject({
        operationId: 'listWriters',
      });
      expect((await ask(`/api/vault/${vault_id}/writers?id=ann`, {})).status).toBe(401);
    });
  });
});
