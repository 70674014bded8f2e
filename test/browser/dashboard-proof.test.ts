import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { describeInBrowser, useBrowser, useSharedPage } from '../support/browser.ts';
import { trpcClient } from '../support/client.ts';
import { entryOf, goTo, openDashboard } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { forge } from '../support/forge.ts';
import { useServer } from '../support/server.ts';

interface Row {
  seq: number;
  entry_no: number;
  version: number;
  kind: string;
  writer_id: string;
  content: string;
  created_at: string;
  tags?: string[];
  author?: string;
}

interface ReadPage {
  entries: Row[];
}

type Lie = (rows: Row[]) => Row[];

const change =
  (fields: Partial<Row>): Lie =>
  (rows) =>
    rows.map((row) => (row.entry_no === 2 ? { ...row, ...fields } : row));

/** What somebody between server and page may do to rows, and what the page says of it. */
const LIES: [what: string, lie: Lie, says: string][] = [
  ['another writer', change({ writer_id: 'eve' }), 'e2 v1 has another writer than its row in the chain'],
  [
    'another time',
    change({ created_at: '2026-01-01T00:00:00.000000Z' }),
    'e2 v1 has another time than its row in the chain',
  ],
  [
    'another author',
    change({ author: 'session:000000000000' }),
    'e2 v1 has another proven author than its row in the chain',
  ],
  ['another text', change({ content: 'forged' }), 'e2 v1 has another text than its row in the chain'],
  ['other tags', change({ tags: ['forged'] }), 'e2 v1 has other tags than its row in the chain'],
  ['another version', change({ version: 7 }), 'e2 v7 has another version number than its row in the chain'],
  ['another number', change({ entry_no: 9 }), 'e9 v1 has another entry number than its row in the chain'],
  [
    'a row that was made up',
    (rows) => [...rows, { ...(rows.at(-1) as Row), seq: 0, entry_no: 8, version: 1 }],
    'e8 v1 is not in the chain',
  ],
  [
    'a row that is left out',
    (rows) => rows.filter(({ entry_no }) => entry_no !== 2),
    'e2 v1 is in the chain, but the server left it out',
  ],
];

/** The rows of each read go through the same comparison, so one lie of each kind shows that they do. */
const ONE_OF_A_KIND = LIES.filter(([what]) => /text|made up|left out/.test(what));

const TABS = ['', '/timeline', '/proof'];

describeInBrowser('C2: what is verified is what is shown', () => {
  const server = useServer(useDatabase());
  const use = useBrowser();

  let session: string;
  beforeAll(async () => {
    session = await server.login('ast-proof');
  });
  const onPage = useSharedPage(use, {}, (page) =>
    openDashboard(page, server.url, { session, clientId: 'maria' }),
  );
  /** A new vault of the session that the shared page is signed in with. */
  const enter = async () => {
    const agent = trpcClient(server.url, { session, clientId: 'agent-a' });
    const { vault_id } = await agent.vault.create.mutate({ summary: 'auth' });
    await agent.vault.append.mutate({ vault_id, text: 'one', tags: ['goal'] });
    await agent.vault.append.mutate({ vault_id, text: 'two' });
    await agent.vault.append.mutate({ vault_id, text: 'three' });
    await agent.vault.override.mutate({ vault_id, entry_id: 1, text: 'one, better' });
    const open = (page: Page, tab = '') => goTo(page, `/v/${vault_id}${tab}`);
    return { agent, vault_id, open };
  };
  const alarm = (page: Page, says: string) =>
    page.getByRole('alert').filter({ hasText: says }).and(page.locator('.chain.bad'));
  const tabOf = (page: Page, tab: string) =>
    page.getByRole('link', {
      name: { '': 'Entries', '/timeline': 'Time travel', '/proof': 'Proof' }[tab] ?? '',
    });

  describe('the current view', () => {
    test.each(LIES)('with %s: names the row in red on every tab', async (_, lie, says) => {
      const { open } = await enter();
      await onPage(async (page) => {
        await forge<ReadPage>(page, 'vault.readPage', (data, { history }) =>
          history ? data : { ...data, entries: lie(data.entries) },
        );
        await open(page);
        await alarm(page, says).waitFor();
        for (const tab of TABS) {
          await tabOf(page, tab).click();
          await alarm(page, says).waitFor();
        }
      });
    });

    test('marks the entry itself', async () => {
      const { open } = await enter();
      await onPage(async (page) => {
        await forge<ReadPage>(page, 'vault.readPage', (data) => ({
          ...data,
          entries: change({ writer_id: 'eve' })(data.entries),
        }));
        await open(page);
        await page
          .locator('.entry.forged[data-entry="2"]')
          .getByText('This does not match the chain.')
          .waitFor();
        expect(await page.locator('.entry.forged').count()).toBe(1);
      });
    });

    test('with an earlier version in the place of the newest', async () => {
      const { open, agent, vault_id } = await enter();
      const history = await agent.vault.read.query({ vault_id, history: true, details: true });
      const old = history.find(({ entry_no, version }) => entry_no === 1 && version === 1) as Row;
      await onPage(async (page) => {
        await forge<ReadPage>(page, 'vault.readPage', (data, { history: all }) =>
          all ? data : { ...data, entries: data.entries.map((row) => (row.entry_no === 1 ? old : row)) },
        );
        await open(page);
        await alarm(page, 'e1 v2 is in the chain, but the server left it out').waitFor();
      });
    });
  });

  describe('the history', () => {
    test.each(ONE_OF_A_KIND)('with %s: names the row', async (_, lie, says) => {
      const { open } = await enter();
      await onPage(async (page) => {
        await forge<ReadPage>(page, 'vault.readPage', (data, { history }) =>
          history ? { ...data, entries: lie(data.entries) } : data,
        );
        await open(page, '/timeline');
        await alarm(page, says).waitFor();
      });
    });
  });

  describe('the history of one entry', () => {
    test.each(ONE_OF_A_KIND)('with %s: names the row', async (_, lie, says) => {
      const { open } = await enter();
      await onPage(async (page) => {
        await forge<ReadPage>(page, 'vault.readPage', (data, { entry_id }) =>
          entry_id === 2 ? { ...data, entries: lie(data.entries) } : data,
        );
        await open(page, '?sheet=history-2');
        await alarm(page, says).waitFor();
      });
    });
  });

  test('the summary: it differs from the chain', async () => {
    const { open } = await enter();
    await onPage(async (page) => {
      await forge<{ summary: string }>(page, 'vault.meta', (data) => ({ ...data, summary: 'forged' }));
      await open(page);
      await alarm(page, 'The summary is not the one in the chain').waitFor();
    });
  });

  test('the chain: a row whose hash does not fit, on every tab', async () => {
    const { open, agent, vault_id } = await enter();
    const { rows } = await agent.vault.proof.query({ vault_id });
    const seq = rows[2]?.seq;
    await onPage(async (page) => {
      await forge<{ rows: Row[] }>(page, 'vault.proof', (data) => ({
        ...data,
        rows: data.rows.map((row) => (row.seq === seq ? { ...row, writer_id: 'eve' } : row)),
      }));
      await open(page);
      for (const tab of TABS) {
        await tabOf(page, tab).click();
        await alarm(page, `The chain breaks at seq ${seq}`).waitFor();
      }
    });
  });

  test('the chain: it ends before the vault', async () => {
    const { open } = await enter();
    await onPage(async (page) => {
      await forge<{ rows: Row[] }>(page, 'vault.proof', (data) => ({ ...data, rows: [] }));
      await open(page);
      await page.getByRole('alert').filter({ hasText: 'The chain breaks at seq' }).waitFor();
    });
  });

  test('genuine rows are shown as verified, including own writes', async () => {
    const { open, agent, vault_id } = await enter();
    await onPage(async (page) => {
      await open(page);
      await page.getByLabel('Write an entry').fill('mine');
      await page.getByRole('button', { name: 'Write', exact: true }).click();
      await entryOf(page, 4).getByText('mine').waitFor();
      await agent.vault.override.mutate({ vault_id, entry_id: 2, text: 'two, better', tags: ['b', 'a'] });
      await agent.vault.setSummary.mutate({ vault_id, text: 'auth, decided' });
      await tabOf(page, '/timeline').click();
      await page.getByText('Change 8 of 8').waitFor();
      const { head } = await agent.vault.meta.query({ vault_id });
      await tabOf(page, '/proof').click();
      await page.getByRole('heading', { name: `Verified up to seq ${head}` }).waitFor();
      expect(await page.locator('.chain.bad').count()).toBe(0);
    });
  });
});
