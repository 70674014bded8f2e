import type { Locator, Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { describeInBrowser, useBrowser, withPage } from '../support/browser.ts';
import { trpcClient } from '../support/client.ts';
import { entryOf, openDashboard } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

interface Refusal {
  status: number;
  code: string;
  retryAfter?: number;
  /** The answer in full, of a proxy that stands before the server. */
  page?: string;
}

/** A refusal as tRPC words it, with a sentence that the dashboard must not show. */
function refuse({ status, code, retryAfter, page }: Refusal, calls = 0) {
  const data = { code, httpStatus: status };
  const body = JSON.stringify({ error: { message: 'RAW SENTENCE', code: -32000, data } });
  return {
    status,
    headers: {
      'content-type': 'application/json',
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    },
    body: page ?? (calls > 0 ? `[${Array(calls).fill(body).join(',')}]` : body),
  };
}

const BUSY: Refusal = { status: 429, code: 'TOO_MANY_REQUESTS', retryAfter: 20 };
const UNAVAILABLE: Refusal = { status: 503, code: 'SERVICE_UNAVAILABLE', retryAfter: 20 };
const FAILED: Refusal = { status: 500, code: 'INTERNAL_SERVER_ERROR' };
const PROXY: Refusal = { status: 502, code: '', page: '<h1>Bad Gateway</h1>' };

const PASSING: [refusal: Refusal, en: string, zh: string][] = [
  [BUSY, 'Too many requests at the moment.', '目前请求过多。'],
  [UNAVAILABLE, 'The server cannot work on this at the moment.', '服务器目前无法处理此请求。'],
  [FAILED, 'Something went wrong on the server.', '服务器出了点问题。'],
  [PROXY, 'The server sent an unreadable answer.', '服务器的答复无法读取。'],
];

const LASTING: [refusal: Refusal, en: string, zh: string][] = [
  [{ status: 400, code: 'BAD_REQUEST' }, 'The server does not accept this text.', '服务器不接受此文本。'],
  [
    { status: 403, code: 'FORBIDDEN' },
    'You may not do this in this vault.',
    '你无权在此保险库中执行此操作。',
  ],
  [
    { status: 404, code: 'NOT_FOUND' },
    'This does not exist, or is not yours to read.',
    '不存在，或者你无权读取。',
  ],
  [{ status: 409, code: 'CONFLICT' }, 'The server does not accept this text.', '服务器不接受此文本。'],
  [
    { status: 413, code: 'PAYLOAD_TOO_LARGE' },
    'This text is longer than the server accepts.',
    '文本超过服务器允许的长度。',
  ],
];

const expected = /status of|ERR_/;
/** Requests a minute of a session, and those for pages of all browsers here. */
const LIMIT = 150;
/** Requests a minute of a session that does nothing else, and of two pages. */
const FEW = 40;
/** More than any wait that a server asks for here. The clock of the page passes it at once. */
const LONG_MS = 30_000;

describeInBrowser('D11: every error has a sentence of the dashboard in the language of the reader', () => {
  const database = useDatabase();
  const server = useServer(database, { rateLimitPerMinute: LIMIT, rateLimitPerAddress: 0 });
  const strict = useServer(database, { rateLimitPerMinute: FEW, rateLimitPerAddress: 0 });
  const use = useBrowser();

  const enter = async ({ url, login } = server) => {
    const session = await login('ast-errors');
    const agent = trpcClient(url, { session, clientId: 'agent-a' });
    const { vault_id } = await agent.vault.create.mutate({ summary: 'auth' });
    await agent.vault.append.mutate({ vault_id, text: 'first' });
    const open = (page: Page, path = `/v/${vault_id}`) =>
      openDashboard(page, url, { session, clientId: 'maria' }, path);
    return { agent, vault_id, open };
  };

  describe.each([
    ['en', 'Write an entry', 'Write', /Trying again in \d+ s/, 'The server cannot be reached.', 1],
    ['zh-CN', '写一个条目', '写入', /\d+ 秒后重试/, '无法连接服务器。', 2],
  ] as const)('in %s', (locale, label, submit, countdown, unreachable, place) => {
    // Repeating a write does not depend on the language.
    const passing = locale === 'en' ? PASSING : PASSING.slice(0, 1);

    test('a refused write shows the reason and keeps the text, and is retried automatically after a pause', async () => {
      const { open, agent, vault_id } = await enter();
      await withPage({ ...use, expected, locale }, async (page) => {
        const box = page.getByLabel(label);
        const problem = page.locator('.composer .problem');
        const refusals: Refusal[] = [];
        const write = async (text: string) => {
          await box.fill(text);
          await page.getByRole('button', { name: submit, exact: true }).click();
        };
        const says = (sentence: string) =>
          page.locator('.composer [role=alert]').filter({ hasText: sentence }).waitFor();
        await page.clock.install();
        await page.route(/vault\.append/, (route) => {
          const refusal = refusals.shift();
          return refusal ? route.fulfill(refuse(refusal)) : route.fallback();
        });
        await open(page);
        for (const row of LASTING) {
          refusals.push(row[0]);
          await write('refused');
          await says(row[place]);
          expect(await box.inputValue()).toBe('refused');
        }
        for (const [index, row] of passing.entries()) {
          refusals.push(row[0]);
          await write(row[place]);
          await says(row[place]);
          await problem.getByText(countdown).waitFor();
          await page.clock.fastForward(LONG_MS);
          await entryOf(page, index + 2)
            .getByText(row[place])
            .waitFor();
          await expect.poll(() => problem.textContent()).toBe('');
        }
        expect(await agent.vault.read.query({ vault_id })).toHaveLength(1 + passing.length);
        expect(await page.getByText(/RAW SENTENCE|JSON/).count()).toBe(0);
      });
    });

    test('a lost connection shows a message, which disappears when the connection is back', async () => {
      const { open } = await enter();
      await withPage({ ...use, expected, locale }, async (page) => {
        const box = page.getByLabel(label);
        const write = page.getByRole('button', { name: submit, exact: true });
        await open(page);
        await entryOf(page, 1).waitFor();
        await page.context().setOffline(true);
        // Only now is it in force for certain: a request right behind it may still get through.
        await page.locator('.outage').waitFor();
        await box.fill('written on a train');
        await write.click();
        const problem = page.locator('.composer [role=alert]');
        await problem.filter({ hasText: unreachable }).waitFor();
        expect(await page.locator('body').textContent()).not.toContain('fetch');
        await page.context().setOffline(false);
        await expect.poll(() => problem.textContent(), { timeout: 15_000 }).toBe('');
        expect(await box.inputValue()).toBe('written on a train');
        await write.click();
        await entryOf(page, 2).getByText('written on a train').waitFor();
      });
    });
  });

  test.each<[name: string, path: (vault: string) => string, there: (page: Page) => Locator]>([
    ['the list', () => '/', (page) => page.locator('.vault-row').first()],
    ['a vault', (vault) => `/v/${vault}`, (page) => entryOf(page, 1)],
    ['time travel', (vault) => `/v/${vault}/timeline`, (page) => page.getByText('Change 2 of 2')],
    ['the proof', (vault) => `/v/${vault}/proof`, (page) => page.getByText('Verified up to seq')],
  ])(
    'D10: %s whose reads are refused says so with a countdown, and comes by itself',
    async (_, path, there) => {
      const { open, vault_id } = await enter();
      await withPage({ ...use, expected }, async (page) => {
        const refusals = [BUSY, UNAVAILABLE, FAILED];
        await page.clock.install();
        await page.route(/\/trpc\//, (route) => {
          const { pathname } = new URL(route.request().url());
          const refusal = refusals.shift();
          return refusal ? route.fulfill(refuse(refusal, pathname.split(',').length)) : route.fallback();
        });
        await open(page, path(vault_id));
        const countdown = page.getByText(/Trying again in \d+ s/);
        await countdown.first().waitFor();
        expect(await page.getByText('RAW SENTENCE').count()).toBe(0);
        const comes = async () => {
          if ((await countdown.count()) > 0) await page.clock.fastForward(LONG_MS);
          return (await there(page).count()) > 0 && (await countdown.count()) === 0;
        };
        await expect.poll(comes, { timeout: 15_000 }).toBe(true);
        expect(refusals).toEqual([]);
      });
    },
  );

  test('D10: reads of the dashboard do not use up the limit of the agent with the same session', async () => {
    const { open, agent, vault_id } = await enter(strict);
    await withPage(use, async (page) => {
      for (let round = 0; round < 2; round++) {
        await page.goto('about:blank');
        await open(page, `/v/${vault_id}/proof`);
        await page.getByRole('heading', { name: 'Details' }).waitFor();
      }
      // All that the agent has left after its first two calls.
      for (let n = 2; n < FEW; n++) await agent.vault.append.mutate({ vault_id, text: `entry ${n}` });
    });
  });
});
