import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { RestVaults } from '../support/client.ts';
import { withMigratedDatabase } from '../support/database.ts';
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

/** What most servers never use, and load on first use. */
const PACKAGES = [
  '@prisma/client',
  '@prisma/adapter-pg',
  '@modelcontextprotocol/server',
  'trpc-openapi',
  'zod-openapi',
  'ioredis',
  '@opentelemetry/api',
  'prom-client',
  'pino-pretty',
  'swagger-ui-dist',
];
const OWN = ['db/prisma.js', 'surfaces/mcp/serve.js', 'surfaces/openapi/document.js', 'transfer/import.js'];
const LAZY = [...PACKAGES.map((name) => `node_modules/${name}`), ...OWN.map((file) => `dist/${file}`)];

/** Compiles the serializers of answers. */
const SERIALIZERS = 'node_modules/fast-json-stringify/index.js';

const loadedOf = (names: string[], modules: string[]) =>
  names.filter((name) => modules.some((url) => `${url}/`.includes(`/${name}/`)));

test('a server that answers reads, writes and login pages loads neither Prisma, MCP nor what no setting asks for', async () => {
  // Else the names would be those of another version.
  expect(LAZY.filter((name) => !existsSync(name))).toEqual([]);
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
    expect(loadedOf(LAZY, modules)).toEqual([]);
    expect(loadedOf([SERIALIZERS], modules)).toEqual([SERIALIZERS]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a server without requests has loaded neither the embedded database nor serializers', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'vault-relay-coverage-'));
  try {
    await withMigratedDatabase(async (DATABASE_URL) => {
      const { program } = await serve({ DATABASE_URL, NODE_V8_COVERAGE: folder });
      expect((await stop(program)).code).toBe(0);
    });
    const modules = await readModules(folder);
    expect(modules.some((url) => url.endsWith('/dist/db/client.js'))).toBe(true);
    expect(loadedOf([...LAZY, SERIALIZERS, 'dist/db/embedded/postgres.js'], modules)).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
