import type { Page } from 'playwright-core';
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
}

/** A refusal as tRPC words it, with a sentence that the dashboard must not show. */
function refuse({ status, code, retryAfter }: Refusal) {
  const data = { code, httpStatus: status };
  return {
    status,
    headers: {
      'content-type': 'application/json',
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    },
    body: JSON.stringify({ error: { message: 'RAW SENTENCE', code: -32000, data } }),
  };
}

/** The same for each call of a batch. */
const refuseAll = (refusal: Refusal, calls: number) => {
  const answer = refuse(refusal);
  return { ...answer, body: `[${Array(calls).fill(answer.body).join(',')}]` };
};

const BUSY: Refusal = { status: 429, code: 'TOO_MANY_REQUESTS', retryAfter: 2 };

const PASSING: [refusal: Refusal, en: string, zh: string][] = [
  [BUSY, 'Too many requests at the moment.', '目前请求过多。'],
  [
    { status: 503, code: 'SERVICE_UNAVAILABLE', retryAfter: 2 },
    'The server cannot work on this at the moment.',
    '服务器目前无法处理此请求。',
  ],
  [
    { status: 500, code: 'INTERNAL_SERVER_ERROR' },
    'Something went wrong on the server.',
    '服务器出了点问题。',
  ],
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

describeInBrowser('D11: every error has a sentence of the dashboard in the language of the reader', () => {
  const server = useServer(useDatabase());
  const use = useBrowser();

  const enter = async () => {
    const session = await server.login('ast-errors');
    const agent = trpcClient(server.url, { session, clientId: 'agent-a' });
    const { vault_id } = await agent.vault.create.mutate({ summary: 'auth' });
    await agent.vault.append.mutate({ vault_id, text: 'first' });
    const open = (page: Page, path = `/v/${vault_id}`) =>
      openDashboard(page, server.url, { session, clientId: 'maria' }, path);
    return { agent, vault_id, open };
  };
  const write = async (page: Page, { label, submit }: { label: string; submit: string }) => {
    await page.getByLabel(label).fill('second');
    await page.getByRole('button', { name: submit, exact: true }).click();
  };
  const EN = { label: 'Write an entry', submit: 'Write' };
  const ZH = { label: '写一个条目', submit: '写入' };

  describe.each([
    ['en', EN, 1],
    ['zh-CN', ZH, 2],
  ] as const)('in %s', (locale, words, place) => {
    test.each(LASTING)('a write that is refused: %j', async (...problem) => {
      const [refusal] = problem;
      const { open } = await enter();
      await withPage({ ...use, expected, locale }, async (page) => {
        await page.route(/vault\.append/, (route) => route.fulfill(refuse(refusal)));
        await open(page);
        await write(page, words);
        await page.getByRole('alert').filter({ hasText: problem[place] }).waitFor();
        expect(await page.getByText('RAW SENTENCE').count()).toBe(0);
        expect(await page.getByLabel(words.label).inputValue()).toBe('second');
      });
    });

    test.each(PASSING)(
      'a write that is refused for a while is made once that has passed: %j',
      async (...problem) => {
        const [refusal] = problem;
        const { open, agent, vault_id } = await enter();
        await withPage({ ...use, expected, locale }, async (page) => {
          await page.route(/vault\.append/, (route) => route.fulfill(refuse(refusal)), { times: 1 });
          await open(page);
          await write(page, words);
          await page.getByRole('alert').filter({ hasText: problem[place] }).waitFor();
          await page
            .locator('.composer')
            .getByText(locale === 'en' ? /Trying again in \d+ s/ : /\d+ 秒后重试/)
            .waitFor();
          await entryOf(page, 2).getByText('second').waitFor();
          expect(await agent.vault.read.query({ vault_id })).toHaveLength(2);
          expect(await page.locator('.composer .problem').textContent()).toBe('');
        });
      },
    );

    test('a connection that is lost, and nothing of it once it is back', async () => {
      const { open } = await enter();
      await withPage({ ...use, expected, locale }, async (page) => {
        await open(page);
        await entryOf(page, 1).waitFor();
        await page.context().setOffline(true);
        await page.locator('.outage').waitFor();
        await write(page, words);
        const problem = page.locator('.composer [role=alert]');
        await problem
          .filter({ hasText: locale === 'en' ? 'The server cannot be reached.' : '无法连接服务器。' })
          .waitFor();
        expect(await page.locator('body').textContent()).not.toContain('fetch');
        await page.context().setOffline(false);
        await expect.poll(() => problem.textContent(), { timeout: 15_000 }).toBe('');
        expect(await page.getByLabel(words.label).inputValue()).toBe('second');
      });
    });
  });

  const PAGES: [name: string, path: (vault: string) => string, there: (page: Page) => Promise<void>][] = [
    ['the list', () => '/', (page) => page.locator('.vault-row').first().waitFor()],
    ['a vault', (vault) => `/v/${vault}`, (page) => entryOf(page, 1).waitFor()],
    ['time travel', (vault) => `/v/${vault}/timeline`, (page) => page.getByText('Change 2 of 2').waitFor()],
    ['the proof', (vault) => `/v/${vault}/proof`, (page) => page.getByText('Verified up to seq').waitFor()],
  ];

  describe.each([
    BUSY,
    { status: 503, code: 'SERVICE_UNAVAILABLE', retryAfter: 1 },
    { status: 500, code: 'INTERNAL_SERVER_ERROR' },
  ])('D10: reads that are refused with %j', (refusal) => {
    test.each(PAGES)('%s says so with a countdown, and comes by itself', async (_, path, there) => {
      const { open, vault_id } = await enter();
      await withPage({ ...use, expected }, async (page) => {
        let refused = 0;
        await page.route(/\/trpc\//, async (route) => {
          const { pathname } = new URL(route.request().url());
          if (refused >= 2) return route.fallback();
          refused++;
          await route.fulfill(refuseAll(refusal, pathname.split(',').length));
        });
        await open(page, path(vault_id));
        await page
          .getByText(/Trying again in \d+ s/)
          .first()
          .waitFor();
        expect(await page.getByText('RAW SENTENCE').count()).toBe(0);
        await there(page);
        await expect.poll(() => page.getByText(/Trying again in/).count(), { timeout: 15_000 }).toBe(0);
      });
    });
  });

  test('an answer of a proxy that is no JSON is a server that cannot be reached', async () => {
    const { open } = await enter();
    await withPage({ ...use, expected }, async (page) => {
      await page.route(/vault\.append/, (route) =>
        route.fulfill({ status: 502, body: '<h1>Bad Gateway</h1>' }),
      );
      await open(page);
      await write(page, EN);
      const problem = page.locator('.composer [role=alert]');
      await problem.filter({ hasText: 'The server sent no answer that can be read.' }).waitFor();
      expect(await page.locator('body').textContent()).not.toContain('JSON');
    });
  });

  describe('D10: looking', () => {
    const limited = useServer(useDatabase(), { rateLimitPerMinute: 40, rateLimitPerAddress: 0 });

    test('takes no request of the agent with the same session, however much is looked at', async () => {
      const session = await limited.login('ast-limited');
      const agent = trpcClient(limited.url, { session, clientId: 'agent-a' });
      const { vault_id } = await agent.vault.create.mutate({ summary: 'busy' });
      await withPage({ ...use, expected }, async (page) => {
        for (let round = 0; round < 4; round++) {
          await page.goto('about:blank');
          await openDashboard(page, limited.url, { session, clientId: 'maria' }, `/v/${vault_id}/proof`);
          await page.getByRole('heading', { name: 'Details' }).waitFor();
        }
        // All that the agent has left after its first call.
        for (let n = 0; n < 39; n++) await agent.vault.append.mutate({ vault_id, text: `entry ${n}` });
      });
    });
  });
});
