import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { RestVaults } from '../support/client.ts';
import { createSession, serve, stop, withDataDir } from '../support/process.ts';

/** The modules that a process loaded, as V8 lists them in its coverage. */
async function readModules(folder: string): Promise<string[]> {
  const reports = await readdir(folder);
  const texts = await Promise.all(reports.map((name) => readFile(path.join(folder, name), 'utf8')));
  return texts.flatMap((text) => {
    const { result } = JSON.parse(text) as { result: { url: string }[] };
    return result.map(({ url }) => url);
  });
}

const PRISMA = /\/@prisma\/|\/dist\/db\/(prisma|generated)/;

test('a server that answers reads, writes and login pages loads no Prisma client', async () => {
  // Else the names below would be those of another version.
  expect(await readFile('dist/db/prisma.js', 'utf8')).toContain(`from '@prisma/adapter-pg'`);
  const folder = await mkdtemp(path.join(tmpdir(), 'vault-relay-coverage-'));
  try {
    await withDataDir(async (DATA_DIR) => {
      const { program, url } = await serve({ DATA_DIR, NODE_V8_COVERAGE: folder });
      const session = await createSession({ DATA_DIR }, 'st');
      const vaults = new RestVaults(url, { session, clientId: 'ann' });
      expect((await fetch(`${url}/health`)).status).toBe(200);
      const { vault_id } = (await vaults.create('a vault')).body;
      expect((await vaults.append(vault_id, 'a text')).status).toBe(200);
      expect((await vaults.read(vault_id)).body).toHaveLength(1);
      const { id } = (await (
        await fetch(`${url}/api/sessions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ hostname: 'build-mac' }),
        })
      ).json()) as { id: string };
      expect((await fetch(`${url}/auth?id=${id}`)).status).toBe(200);
      expect((await stop(program)).code).toBe(0);
    });
    const modules = await readModules(folder);
    expect(modules.some((url) => url.endsWith('/dist/db/client.js'))).toBe(true);
    expect(modules.filter((url) => PRISMA.test(url))).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
