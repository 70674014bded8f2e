import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { createVaultRelayClient, type VaultRelayClient } from '../../src/client/index.ts';
import { fill } from './fill.ts';
import { type ServerForPictures, withServer } from './server.ts';

/** Takes the pictures of the README and of docs/dashboard.md: `npm run screenshots`, after `npm run build`. */
const FOLDER = path.resolve(import.meta.dirname, '../../docs/images');

const DESKTOP = { width: 1080, height: 760 };
const TELEPHONE = { width: 390, height: 780 };
const TOUCH = { viewport: TELEPHONE, isMobile: true, hasTouch: true };

interface Picture {
  name: string;
  hash: string;
  viewport: typeof DESKTOP;
  isMobile?: boolean;
  hasTouch?: boolean;
  colorScheme: 'light' | 'dark';
  locale?: string;
  /** Prepares the loaded page for the picture. */
  act?: (page: Page) => Promise<void>;
  operator?: true;
}

const pictures = (vault: string, mac: VaultRelayClient): Picture[] => [
  { name: 'now-light', hash: '/now', viewport: DESKTOP, colorScheme: 'light' },
  { name: 'now-dark', hash: '/now', viewport: DESKTOP, colorScheme: 'dark', locale: 'zh-CN' },
  { name: 'now-mobile', hash: '/now', ...TOUCH, colorScheme: 'light' },
  { name: 'vaults-light', hash: '/', viewport: DESKTOP, colorScheme: 'light' },
  { name: 'vault-light', hash: `/v/${vault}`, viewport: DESKTOP, colorScheme: 'light' },
  { name: 'vault-dark', hash: `/v/${vault}`, viewport: DESKTOP, colorScheme: 'dark' },
  {
    name: 'history-dark',
    hash: `/v/${vault}`,
    viewport: DESKTOP,
    colorScheme: 'dark',
    act: async (page) => {
      await page.getByRole('button', { name: 'History of e2 v2' }).click();
      await page.getByRole('dialog').locator('ins').first().waitFor();
    },
  },
  {
    name: 'conflict-light',
    hash: `/v/${vault}`,
    viewport: DESKTOP,
    colorScheme: 'light',
    act: async (page) => {
      await page.getByRole('button', { name: 'Edit e5 v1' }).click();
      const box = page.getByRole('textbox', { name: 'Edit e5 v1' });
      await box.fill('Done in `a91f3c2`. Tests pass. Next: the refresh endpoint, after the review.');
      const theirs = 'Done in `b07d55e`. Tests pass. Next: the refresh endpoint.';
      await mac.vault.override.mutate({ vault_id: vault, entry_id: 5, text: theirs });
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('dialog').locator('ins').first().waitFor();
    },
  },
  { name: 'timeline-mobile', hash: `/v/${vault}/timeline`, ...TOUCH, colorScheme: 'light' },
  { name: 'vault-mobile', hash: `/v/${vault}`, ...TOUCH, colorScheme: 'light', locale: 'zh-CN' },
  { name: 'vaults-mobile', hash: '/', ...TOUCH, colorScheme: 'dark' },
  { name: 'proof-light', hash: `/v/${vault}/proof`, viewport: DESKTOP, colorScheme: 'light' },
  { name: 'server-light', hash: '/server', viewport: DESKTOP, colorScheme: 'light', operator: true },
];

/** Takes one picture on a fresh page. */
async function take(browser: Browser, { url, session, token }: ServerForPictures, picture: Picture) {
  const { name, hash, act, operator, ...options } = picture;
  const context = await browser.newContext({ reducedMotion: 'reduce', locale: 'en-US', ...options });
  const page = await context.newPage();
  const credentials = operator
    ? { kind: 'operator', token }
    : { kind: 'session', session, clientId: 'maria' };
  const kept = JSON.stringify(JSON.stringify(credentials));
  await page.addInitScript(`sessionStorage.setItem('vault-relay.credentials', ${kept})`);
  await page.goto(`${url}/#${hash}`);
  await page.locator('.entry, .vault-row, .happened, .chain.good, .figure').first().waitFor();
  await act?.(page);
  await page.screenshot({ path: path.join(FOLDER, `${name}.png`), animations: 'disabled' });
  await context.close();
  console.log(`docs/images/${name}.png`);
}

await mkdir(FOLDER, { recursive: true });
await withServer(async (server) => {
  const { url, session } = server;
  const as = (clientId: string) => createVaultRelayClient({ url, session, clientId });
  const vault = await fill(as);
  const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    for (const picture of pictures(vault, as('build-mac'))) await take(browser, server, picture);
  } finally {
    await browser.close();
  }
});
