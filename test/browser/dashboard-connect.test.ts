import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { createVaultRelayClient } from '../../src/client/index.ts';
import { setUpAtem, setUpByOperator } from '../../src/setup/clients.ts';
import { describeInBrowser, useBrowser, withPage } from '../support/browser.ts';
import { expectAccessible, openDashboard, overflowOf } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { chooseInMenu, openByLink } from '../support/people-pages.ts';
import { useServer } from '../support/server.ts';

const TITLE = 'Connect an agent';

describeInBrowser('connecting an agent', () => {
  const TOKEN = 'a-token-that-reads-every-vault-here';
  const server = useServer(useDatabase(), { dashboardToken: TOKEN });
  const use = useBrowser();

  const openSheet = async (page: Page) => {
    await page.getByRole('button', { name: TITLE }).click();
    await page.getByRole('dialog', { name: TITLE }).waitFor();
  };
  const textOf = (page: Page, n = 0) =>
    page
      .getByRole('dialog')
      .locator('code')
      .nth(n)
      .textContent()
      .then((text) => text ?? '');
  const clientOf = (text: string) => {
    const [session = ''] = /vr_\w+/.exec(text) ?? [];
    return createVaultRelayClient({ url: server.url, session });
  };
  const expectGood = async (page: Page) => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await expectAccessible(page);
    }
    const before = page.viewportSize();
    for (const width of [320, 390, 1440]) {
      await page.setViewportSize({ width, height: 700 });
      await expect.poll(() => overflowOf(page)).toBe(0);
    }
    if (before) await page.setViewportSize(before);
  };

  test('a person without vaults makes a key by keyboard alone, pastes the command, and sees the first call come', () =>
    withPage({ ...use, permissions: ['clipboard-read', 'clipboard-write'] }, async (page) => {
      const { keyboard } = page;
      await openByLink(page, server, { workSessionId: 'st-connect', name: 'Maria' });
      await page.getByText('No vaults yet').waitFor();
      await page.getByRole('button', { name: TITLE }).focus();
      await keyboard.press('Enter');
      await page.getByRole('dialog', { name: TITLE }).waitFor();
      await expect.poll(() => page.getByLabel('Name', { exact: true }).inputValue()).toMatch(/^claude-code-/);
      await keyboard.press('ArrowRight');
      await page.getByRole('radio', { name: 'Codex', checked: true }).waitFor();
      const name = await page.getByLabel('Name', { exact: true }).inputValue();
      expect(name).toMatch(/^codex-\w{4}$/);
      await expectGood(page);
      await keyboard.press('Enter');

      const dialog = page.getByRole('dialog', { name: 'Codex' });
      const status = dialog.getByRole('status');
      await status.getByText('Waiting for its first call').waitFor();
      await expectGood(page);
      await dialog.getByRole('button', { name: 'Copy' }).click();
      const pasted = await page.evaluate<string>('navigator.clipboard.readText()');
      expect(pasted).toContain(`codex mcp add vault-relay --url ${server.url}/mcp`);
      const { vault } = clientOf(pasted);
      const { vault_id } = await vault.create.mutate({ summary: 'from codex' });
      await vault.append.mutate({ vault_id, text: 'x' });
      expect((await vault.read.query({ vault_id }))[0]?.writer_id).toBe(name);
      await status.getByText('Connected. First call: just now').waitFor();
      await expectGood(page);
      await dialog.getByRole('button', { name: 'Done' }).click();
      await page.getByText('from codex').waitFor();
    }));

  test('from a vault, the key is limited to it unless the person says otherwise, and the sheet has the words for the agent', () =>
    withPage(use, async (page) => {
      const session = await server.login('st-vault');
      const agent = createVaultRelayClient({ url: server.url, session, clientId: 'agent' });
      const { vault_id } = await agent.vault.create.mutate({ summary: 'the one' });
      const { vault_id: other } = await agent.vault.create.mutate({ summary: 'the other' });
      await openByLink(page, server, { workSessionId: 'st-vault', name: 'Maria' });
      await page.getByText('the one').click();
      await openSheet(page);
      await page.getByText('Cursor', { exact: true }).click();
      await page.getByLabel('It may').selectOption({ label: 'Only read' });
      await page.getByLabel('Name', { exact: true }).fill(' ');
      await page.getByRole('button', { name: 'Create its key' }).click();
      await page.getByRole('alert').filter({ hasText: 'Give it a name' }).waitFor();
      await page.getByLabel('Name', { exact: true }).fill('Maria’s Cursor');
      await page.getByRole('button', { name: 'Create its key' }).click();
      await page.getByText('Save this as ~/.cursor/mcp.json.').waitFor();
      const { vault } = clientOf(
        JSON.parse(await textOf(page)).mcpServers['vault-relay'].headers.Authorization,
      );
      expect(await textOf(page, 1)).toBe(`Continue with vault ${vault_id} of vault-relay.`);
      expect(await vault.read.query({ vault_id })).toEqual([]);
      await expect(vault.read.query({ vault_id: other })).rejects.toMatchObject({
        data: { code: 'FORBIDDEN' },
      });
      await expect(vault.append.mutate({ vault_id, text: 'x' })).rejects.toMatchObject({
        data: { code: 'FORBIDDEN' },
      });
      await page.getByRole('button', { name: 'Done' }).click();
      await openSheet(page);
      await page.getByLabel('Only this vault').uncheck();
      await page.getByText('VS Code', { exact: true }).click();
      await page.getByRole('button', { name: 'Create its key' }).click();
      await page.getByText('It asks for the key once').waitFor();
      expect(await textOf(page)).not.toContain('vr_');
      await clientOf(await textOf(page, 1)).vault.append.mutate({ vault_id: other, text: 'x' });
      await page.getByText('Connected.').waitFor();
      // The list of keys behind the sheet has the use as well.
      await page.getByRole('button', { name: 'Done' }).click();
      await chooseInMenu(page, 'Access');
      await page.getByText('Maria’s Cursor').first().waitFor();
      await openSheet(page);
    }));

  test('an operator names the work session, and connects to that of an open vault', () =>
    withPage(use, async (page) => {
      const owner = { url: server.url, session: await server.login('st-known'), clientId: 'owner' };
      await createVaultRelayClient(owner).vault.create.mutate({ summary: 'known' });
      await openByLink(page, server, { name: 'Olga' });
      await page.goto(`${server.url}/#/?sheet=connect`);
      // It is a text field until the known work sessions have arrived.
      await page
        .getByRole('combobox', { name: 'Work session', exact: true })
        .selectOption({ label: 'Another one…' });
      await page.getByLabel('Name of the work session').fill('st-operated');
      await page.getByText('curl', { exact: true }).click();
      await page.getByRole('button', { name: 'Create its key' }).click();
      await page.getByText('Run this in a terminal').waitFor();
      const { vault } = clientOf(await textOf(page));
      const { vault_id } = await vault.create.mutate({ summary: 'operated' });
      await page.getByText('Connected.').waitFor();
      await page.goto(`${server.url}/#/v/${vault_id}?sheet=connect`);
      await page.getByLabel('Only this vault').waitFor();
      expect(await page.getByLabel('Work session', { exact: true }).count()).toBe(0);
      await page.getByRole('button', { name: 'Create its key' }).click();
      await page.getByText('Then tell it').waitFor();
      expect((await clientOf(await textOf(page)).vault.list.query()).map((one) => one.vault_id)).toEqual([
        vault_id,
      ]);
    }));

  test('an agent’s session and an operator who reads get the command for the machine of the server, and so does atem', async () => {
    const session = await server.login('st-session');
    await withPage({ ...use, locale: 'zh-CN' }, async (page) => {
      await openDashboard(page, server.url, { session, clientId: 'agent' });
      await page.getByRole('button', { name: '连接智能体' }).click();
      await expect.poll(() => textOf(page)).toBe(setUpByOperator('claude-code', 'st-session').text);
      await page.getByText('Gemini CLI').click();
      expect(await textOf(page)).toBe(setUpByOperator('gemini', 'st-session').text);
      await page.getByText('atem', { exact: true }).click();
      expect(await textOf(page)).toBe(setUpAtem({ url: server.url, workSession: 'st-session' }).text);
      await expectGood(page);
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
    });
    await withPage(use, async (page) => {
      await openDashboard(page, server.url, { token: TOKEN }, '/?sheet=connect');
      await expect.poll(() => textOf(page)).toBe(setUpByOperator('claude-code', 'my-agents').text);
    });
  });
});
