import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { fingerprint, hashSessionId } from '../../src/access/session-id.ts';
import { RestVaults } from '../support/client.ts';
import { createSession, fillFolder, serve, stop, withFolder } from '../support/process.ts';
import { runSteps } from '../support/recipes.ts';

const root = path.resolve(import.meta.dirname, '../..');
const DASHBOARD_TOKEN = 'reading-token-of-the-recipe-0123456789';

/** The commands of the recipe, in their order. */
async function readCommands(): Promise<string[]> {
  const page = await readFile(path.join(root, 'docs/operations.md'), 'utf8');
  const [, recipe = ''] = /^### A leaked credential\n(.*?)^### /ms.exec(page) ?? [];
  const blocks = [...recipe.matchAll(/^ *```sh\n(.*?)^ *```$/gms)].map(([, block]) => block ?? '');
  return blocks.flatMap((block) => block.trim().split(/\n\s*/));
}

test('the recipe for a leaked credential ends it, lists what it wrote, and proves what it did not touch', () =>
  withFolder(async (folder) => {
    const DATA_DIR = path.join(folder, 'data');
    await fillFolder(DATA_DIR);
    const { program, url } = await serve({ DATA_DIR, DASHBOARD_TOKEN });
    const [good, leaked] = [await createSession({ DATA_DIR }, 'st'), await createSession({ DATA_DIR }, 'st')];
    const agent = new RestVaults(url, { session: good, clientId: 'agent' });
    const thief = new RestVaults(url, { session: leaked, clientId: 'agent' });
    const { vault_id: V } = (await agent.create('plans')).body;
    await agent.append(V, 'ours');
    const { headers } = await fetch(`${url}/api/vault/${V}?id=agent`, {
      headers: { authorization: `session ${good}` },
    });
    const HEAD = `${headers.get('x-vault-head')}:${headers.get('x-vault-head-hash')}`;
    await thief.append(V, 'theirs');
    const F = fingerprint(hashSessionId(leaked));

    const commands = await readCommands();
    expect(commands).toHaveLength(6);
    const [list, revoked, audit, read, whole, against] = await runSteps(commands, {
      before: `npx() { shift; "${process.execPath}" "${path.join(root, 'dist/main.js')}" "$@"; }`,
      cwd: folder,
      env: { DATA_DIR, URL: url, DASHBOARD_TOKEN, F, V, HEAD },
    });
    const isRefused = (await thief.append(V, 'again')).status;
    await stop(program);

    expect(list).toMatch(new RegExp(`^${F} +session +granted +st `, 'm'));
    expect(revoked).toBe('Revoked.');
    expect(isRefused).toBe(401);
    expect(audit).toMatch(new RegExp(`append +written +${V} +3 +st +agent +${F}`));
    expect(audit?.match(/append/g)).toHaveLength(1);
    const rows = JSON.parse(read ?? '') as { content: string; author: string }[];
    const byThief = rows.filter(({ author }) => author === `session:${F}`);
    expect(byThief.map(({ content }) => content)).toEqual(['theirs']);
    expect(rows.find(({ content }) => content === 'ours')?.author).not.toBe(`session:${F}`);
    expect(whole).toBe('1 vault, 3 rows verified');
    expect(against).toBe('1 vault, 3 rows verified');
  }));
