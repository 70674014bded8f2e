import type { Page } from 'playwright-core';

interface Answer {
  result?: { data: unknown };
}

/**
 * Intercepts calls between the page and the server, and changes the answer of a procedure.
 * @param change returns the changed answer; it receives the answer and the procedure's input
 */
export async function forge<Data>(
  page: Page,
  procedure: string,
  change: (data: Data, input: Record<string, unknown>) => Data,
): Promise<void> {
  await page.route(
    (url) => url.pathname.startsWith('/trpc/') && url.pathname.includes(procedure),
    async (route) => {
      const url = new URL(route.request().url());
      const response = await route.fetch();
      const names = decodeURIComponent(url.pathname.replace('/trpc/', '')).split(',');
      const isBatch = url.searchParams.get('batch') === '1';
      const input = JSON.parse(url.searchParams.get('input') ?? '{}') as Record<string, unknown>;
      const body = (await response.json()) as Answer | Answer[];
      const answers = [body].flat();
      for (const [index, name] of names.entries()) {
        const result = answers[index]?.result;
        if (name !== procedure || !result) continue;
        const own = (isBatch ? input[String(index)] : input) as Record<string, unknown>;
        result.data = change(result.data as Data, own ?? {});
      }
      await route.fulfill({ response, json: isBatch ? answers : answers[0] });
    },
  );
}
