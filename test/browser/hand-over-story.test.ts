import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Atem, label, type VaultEntry } from '../acceptance/atem.ts';
import { describeInBrowser, useBrowser, withPage } from '../support/browser.ts';
import { rest } from '../support/client.ts';
import { entryOf } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { callTool, connect, demandTool } from '../support/mcp.ts';
import { openByLink } from '../support/people-pages.ts';
import { runHere } from '../support/process.ts';
import { useServer } from '../support/server.ts';

const WORK_SESSION = 'st-story';
const PLAN = '- read old sessions\n- write cookies';
const MERGED = '- read old sessions for 30 days\n- write cookies, SameSite=Lax';
const FINAL = `${MERGED}\n- rotate the signing key`;

describeInBrowser('the story of a hand-over', () => {
  const database = useDatabase();
  const server = useServer(database);
  const use = useBrowser();

  /** A shell whose command line is logged in by the line that `key create` prints. */
  async function openShell() {
    const XDG_CONFIG_HOME = await mkdtemp(path.join(tmpdir(), 'vault-relay-story-'));
    onTestFinished(() => rm(XDG_CONFIG_HOME, { recursive: true }));
    const operator = { DATABASE_URL: database.url, PUBLIC_BASE_URL: server.url };
    const env = { XDG_CONFIG_HOME };
    const shell = (...args: string[]) => runHere(args, env);
    const made = await runHere(['key', 'create', '--astation', WORK_SESSION, '--for', 'login'], operator);
    expect(made.code).toBe(0);
    const [, line = ''] = /^npx vault-relay (.*)$/m.exec(made.stdout) ?? [];
    const [, input = ''] = /asks for the key once: (\S+)/.exec(made.stderr) ?? [];
    expect(await runHere(line.split(' '), env, { input })).toMatchObject({ code: 0 });
    return shell;
  }

  test('agents by MCP, by the command line and as atem, and a person, finish one piece of work, and verify finds nothing wrong', () =>
    withPage(use, async (page) => {
      // Maria connects the first agent, and sees its first call.
      await openByLink(page, server, { workSessionId: WORK_SESSION, name: 'Maria' });
      await page.getByRole('button', { name: 'Connect an agent' }).click();
      await page.getByRole('button', { name: 'Create its key' }).click();
      const pasted = await page.getByRole('dialog').locator('code').first().textContent();
      const [secret = ''] = /vr_\w+/.exec(pasted ?? '') ?? [];
      const agent = await connect({ url: server.url, secret });
      await page.getByText('Connected.').waitFor();
      await page.getByRole('button', { name: 'Done' }).click();

      // It hands its work over.
      const { vault_id } = await demandTool<{ vault_id: string }>(agent, 'vault_create', {
        summary: 'signed cookies',
      });
      await demandTool(agent, 'vault_write', { vault_id, text: PLAN, tags: ['plan'] });
      await page.getByText('signed cookies').click();
      await entryOf(page, 1).getByText('read old sessions').waitFor();

      // A script and an atem continue. The atem changes the plan.
      const shell = await openShell();
      const read = JSON.parse((await shell('vault', 'read', vault_id, '--json')).stdout) as VaultEntry[];
      expect(read.map(label)).toEqual([`e1 v1 ${PLAN}`]);
      expect(await shell('vault', 'write', vault_id, 'The build is green.')).toMatchObject({ code: 0 });
      const session = await server.login(WORK_SESSION);
      const atem = new Atem(server.url, { session, clientId: 'atem-mac' });
      const theirs = PLAN.replace('sessions', 'sessions for 30 days');
      await atem.call(200, 'POST', `/${vault_id}`, { text: theirs, entry_id: 1 });

      // Both other agents wrote meanwhile. Each gets the conflict with the current text, and merges.
      const refused = await callTool(agent, 'vault_write', {
        ...{ vault_id, entry_id: 1, expected_version: 1 },
        text: PLAN.replace('cookies', 'cookies, SameSite=Lax'),
      });
      expect(refused).toMatchObject({ isError: true, error: { current: { version: 2, content: theirs } } });
      await demandTool(agent, 'vault_write', { vault_id, entry_id: 1, expected_version: 2, text: MERGED });
      const writeFrom = (version: string, text: string) =>
        shell('vault', 'write', '--entry', '1', '--expect', version, '--json', '--', vault_id, text);
      const outdated = await writeFrom('2', `${theirs}\n- rotate the signing key`);
      expect(outdated.code).toBe(3);
      expect(JSON.parse(outdated.stdout)).toMatchObject({ version: 3, content: MERGED });
      expect(await writeFrom('3', FINAL)).toMatchObject({ code: 0 });

      // Maria sees the result, and answers. The first agent waits for the answer.
      await entryOf(page, 1).getByText('rotate the signing key').waitFor();
      const { head } = await demandTool<{ head: number }>(agent, 'vault_read', { vault_id });
      const waiting = callTool(agent, 'vault_wait', { vault_id, since: head });
      await page.getByRole('textbox', { name: 'Write an entry' }).fill('Reviewed. Ship it.');
      await page.keyboard.press('ControlOrMeta+Enter');
      expect((await waiting).text).toContain('Reviewed. Ship it.');

      // Everybody has the same, by name and by proof.
      const entries = await atem.call<VaultEntry[]>(200, 'GET', `/${vault_id}`);
      expect(entries.map(label)).toEqual([
        `e1 v4 ${FINAL}`,
        'e2 v1 The build is green.',
        'e3 v1 Reviewed. Ship it.',
      ]);
      const headers = { authorization: `Bearer ${secret}` };
      const url = `${server.url}/api/vault/${vault_id}?history=true&details=true`;
      const { body } = await rest<(VaultEntry & { author: string })[]>('GET', url, { headers });
      const authors = new Set(body.map(({ writer_id, author }) => `${writer_id} ${author.split(':')[0]}`));
      expect([...authors].map((author) => author.replace(/-\w{4} /, '-… ')).toSorted()).toEqual([
        'Maria person',
        'atem-mac session',
        'claude-code-… key',
        'shell-… key',
      ]);
      const verified = await runHere(['verify', '--vault', vault_id], { DATABASE_URL: database.url });
      expect(verified).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^1 vault, \d+ rows verified\n$/),
      });
      await page.getByRole('link', { name: 'Proof' }).click();
      await page.getByText('Verified up to seq').waitFor();
    }));
});
