import axe, { type AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** Who a tab is signed in as. */
export type SignedInAs = { session: string; clientId: string } | { token: string };

/** Opens a page of the dashboard in a signed-in tab. @param path the part of the URL after `#` */
export async function openDashboard(page: Page, url: string, who: SignedInAs, path = '/'): Promise<void> {
  const credentials = 'token' in who ? { kind: 'operator', ...who } : { kind: 'session', ...who };
  const kept = JSON.stringify(JSON.stringify(credentials));
  // Only once per tab, because a reload must keep the later state of the tab.
  await page.addInitScript(`
    if (location.protocol === 'http:' && window.name !== 'signed in') sessionStorage.setItem('vault-relay.credentials', ${kept});
    window.name = 'signed in';
  `);
  await page.goto(`${url}/#${path}`);
}

/** Goes to another page of the dashboard without a reload. @param path the part of the URL after `#` */
export const goTo = (page: Page, path: string): Promise<unknown> =>
  page.evaluate(`location.hash = ${JSON.stringify(path)}`);

/** Fills in the sign-in form and sends it. */
export async function signIn(page: Page, { session, clientId }: { session: string; clientId: string }) {
  await page.getByLabel('Session id').fill(session);
  await page.getByLabel('Client id').fill(clientId);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

/** Locates an entry by its number. */
export const entryOf = (page: Page, entryNo: number) => page.locator(`[data-entry="${entryNo}"]`);

/**
 * Expects that axe finds no serious problem on the current page. The debugger runs axe, because the page's content
 * security policy does not apply to the debugger.
 * @param rules the rules to check; by default all
 */
export async function expectAccessible(page: Page, rules?: string[]): Promise<void> {
  if (!(await page.evaluate<boolean>(`'axe' in window`))) await page.evaluate(axe.source);
  const options = {
    resultTypes: ['violations'],
    preload: false,
    ...(rules && { runOnly: { type: 'rule', values: rules } }),
  };
  const { violations } = await page.evaluate<AxeResults>(`axe.run(document, ${JSON.stringify(options)})`);
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([]);
}

/** How far the page overflows the window horizontally. */
export const overflowOf = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');

/** Does something on the page. @returns CPU time of the page's own thread in ms, independent of other load on the machine */
export async function timeOfPage(page: Page, work: () => Promise<unknown>): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const busy = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN);
  };
  const before = await busy();
  await work();
  const spent = (await busy()) - before;
  await session.detach();
  return spent;
}
