import axe, { type AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** Who a tab is signed in as. */
export type SignedInAs = { session: string; clientId: string } | { token: string };

/** Opens a page of the dashboard in a tab that is signed in. @param path what stands behind `#` */
export async function openDashboard(page: Page, url: string, who: SignedInAs, path = '/'): Promise<void> {
  const credentials = 'token' in who ? { kind: 'operator', ...who } : { kind: 'session', ...who };
  const kept = JSON.stringify(JSON.stringify(credentials));
  // Once a tab: a reload keeps what the tab has become since.
  await page.addInitScript(`
    if (location.protocol === 'http:' && window.name !== 'signed in') sessionStorage.setItem('vault-relay.credentials', ${kept});
    window.name = 'signed in';
  `);
  await page.goto(`${url}/#${path}`);
}

/** Goes to another page of the dashboard, without loading it again. @param path what stands behind `#` */
export const goTo = (page: Page, path: string): Promise<unknown> =>
  page.evaluate(`location.hash = ${JSON.stringify(path)}`);

/** Fills in the sign-in form and sends it. */
export async function signIn(page: Page, { session, clientId }: { session: string; clientId: string }) {
  await page.getByLabel('Session id').fill(session);
  await page.getByLabel('Client id').fill(clientId);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** An entry by its number, once it is there. */
export const entryOf = (page: Page, entryNo: number) => page.locator(`[data-entry="${entryNo}"]`);

/**
 * Expects that axe finds nothing serious on the page as it is now. The debugger runs it, which the content security
 * policy of the page has no say in.
 * @param rules that it checks; by default all
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

/** How much wider than the window the page is. */
export const overflowOf = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');

/** Does something on the page. @returns ms of processor time that the page's own thread took, whatever else the machine did */
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
