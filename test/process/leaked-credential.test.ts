import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { fingerprint, hashSessionId } from '../../src/access/session-id.ts';
import { RestVaults } from '../support/client.ts';
import { createSession, fillFolder, runHere, serve, stop, withFolder } from '../support/process.ts';
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

interface Stolen {
  secret: string;
  author: string;
  /** The commands that end it, where they are not those of the recipe. */
  ending?: string[];
}

const STOLEN: Record<string, (env: NodeJS.ProcessEnv) => Promise<Stolen>> = {
  session: async (env) => {
    const secret = await createSession(env, 'st');
    return { secret, author: `session:${fingerprint(hashSessionId(secret))}` };
  },
  key: async (env) => {
    const options = ['--astation', 'st', '--name', 'nightly', '--client-id', 'agent', '--json'];
    const { key, id } = JSON.parse((await runHere(['key', 'create', ...options], env)).stdout);
    return {
      secret: key,
      author: `key:${id}`,
      ending: ['npx vault-relay key list', `npx vault-relay key revoke ${id}`],
    };
  },
};

test.each(Object.keys(STOLEN))(
  'the recipe for a leaked %s ends it, lists what it wrote, and proves what it did not touch',
  (kind) =>
    withFolder(async (folder) => {
      const DATA_DIR = path.join(folder, 'data');
      await fillFolder(DATA_DIR);
      const { program, url } = await serve({ DATA_DIR, DASHBOARD_TOKEN });
      const good = await createSession({ DATA_DIR }, 'st');
      const stolen = await STOLEN[kind]?.({ DATA_DIR });
      if (!stolen) throw new Error(`No credential ${kind}`);
      const agent = new RestVaults(url, { session: good, clientId: 'agent' });
      const thief = new RestVaults(url, { session: stolen.secret, clientId: 'agent' });
      const { vault_id: V } = (await agent.create('plans')).body;
      await agent.create('untouched');
      const { headers } = await agent.append(V, 'ours').then(() => agent.read(V));
      const HEAD = `${headers.get('x-vault-head')}:${headers.get('x-vault-head-hash')}`;
      await thief.append(V, 'theirs');

      const commands = await readCommands();
      expect(commands).toHaveLength(7);
      const { author, ending = commands.slice(0, 2) } = stolen;
      const [list, revoked, audit, vaults, read, whole, against] = await runSteps(
        [...ending, ...commands.slice(2)],
        {
          before: `npx() { shift; "${process.execPath}" "${path.join(root, 'dist/main.js')}" "$@"; }`,
          cwd: folder,
          env: { DATA_DIR, URL: url, DASHBOARD_TOKEN, AUTHOR: author, V, HEAD },
        },
      );
      const isRefused = (await thief.append(V, 'again')).status;
      await stop(program);

      expect(list).toContain(author.replace(/^\w+:/, ''));
      expect(revoked).toMatch(/^Revoked/);
      expect(isRefused).toBe(401);
      expect(audit).toMatch(
        new RegExp(`append +written +${V} +3 +st +agent +${author.replace('session:', '')}`),
      );
      expect(audit?.match(/append/g)).toHaveLength(1);
      expect(JSON.parse(vaults ?? '')).toEqual([{ vault_id: V, summary: 'plans' }]);
      const rows = JSON.parse(read ?? '') as { content: string; author: string }[];
      expect(rows.map((row) => [row.content, row.author])).toEqual([['theirs', author]]);
      expect(whole).toBe('2 vaults, 4 rows verified');
      expect(against).toBe('1 vault, 3 rows verified');
    }),
);
