import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';

/** The headless shell comes first, because a page costs it two thirds of what it costs the full browser. */
const NAMES = [
  'chromium-headless-shell',
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
];

const isProgram = (file: string) => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** `CHROMIUM_PATH`, or the first of the usual names in `PATH`. */
function findChromium(): string | undefined {
  const folders = ['/usr/bin', ...(process.env.PATH ?? '').split(path.delimiter)];
  const usual = NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name)));
  return [process.env.CHROMIUM_PATH, ...usual].find((file) => file && isProgram(file));
}

const executablePath = findChromium();

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Groups tests that need Chromium; without one they are skipped, and their title says how to run them. */
export function describeInBrowser(title: string, define: () => void): void {
  if (executablePath !== undefined) describe(title, define);
  else
    describe.skip(
      `${title} (install Chromium, as by apt-get install chromium, or set CHROMIUM_PATH)`,
      define,
    );
}

/** The browser ends with the worker, because its pipe closes then. */
let launched: Promise<Browser> | undefined;

/** A Chromium for the tests of the group: the worker's only one. A page that the group leaves open fails it. */
export function useBrowser(): { browser: Browser } {
  const use = {} as { browser: Browser };
  beforeAll(async () => {
    launched ??= chromium.launch({ ...(executablePath && { executablePath }), args: ARGS });
    use.browser = await launched;
  });
  afterAll(() => expect(use.browser.contexts()).toEqual([]));
  return use;
}

export interface PageOptions extends BrowserContextOptions {
  browser: Browser;
  /** Complaints of the browser that belong to the test, such as an expected 404. */
  expected?: RegExp;
}

/** Records forbidden behaviour of a page: violations of its content security policy, errors, and requests to other servers. */
function listenForComplaints(page: Page, complaints: string[]): void {
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()))
      complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`thrown: ${error.message}`));
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol.startsWith('http') && hostname !== '127.0.0.1')
      complaints.push(`called elsewhere: ${request.url()}`);
  });
}

/** A page in its own context, and the complaints of the browser so far. */
interface Opened {
  page: Page;
  complaints: string[];
}

async function openPage({ browser, expected, ...options }: PageOptions): Promise<Opened> {
  // Animations are off, because they paint many frames that no test checks.
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
  const complaints: string[] = [];
  context.on('page', (opened) => listenForComplaints(opened, complaints));
  context.setDefaultTimeout(15_000);
  return { page: await context.newPage(), complaints };
}

const expectNone = (complaints: string[], expected: RegExp | undefined) =>
  expect(complaints.filter((complaint) => !expected?.test(complaint))).toEqual([]);

/** Runs work on a fresh page. The test fails when the browser complains of anything unexpected. */
export async function withPage<T>(options: PageOptions, work: (page: Page) => Promise<T>): Promise<T> {
  const { page, complaints } = await openPage(options);
  try {
    const result = await work(page);
    expectNone(complaints, options.expected);
    return result;
  } finally {
    await page.context().close();
  }
}

/**
 * A page that the tests of a group share, so that it is loaded once.
 * @param use the browser of the group
 * @param options of the page
 * @param begin loads the page; called again after a failed test, because it may leave the page in any state
 * @returns a function that runs work on the page; the test fails when the browser complains of anything unexpected
 */
export function useSharedPage(
  use: { browser: Browser },
  options: Omit<PageOptions, 'browser'>,
  begin: (page: Page) => Promise<void>,
): (work: (page: Page) => Promise<void>) => Promise<void> {
  let shared: Opened | undefined;
  const close = async () => {
    await shared?.page.context().close();
    shared = undefined;
  };
  afterAll(close);
  return async (work) => {
    try {
      if (!shared) {
        shared = await openPage({ ...use, ...options });
        await begin(shared.page);
      }
      await work(shared.page);
      expectNone(shared.complaints.splice(0), options.expected);
      await shared.page.unrouteAll({ behavior: 'ignoreErrors' });
    } catch (error) {
      await close();
      throw error;
    }
  };
}
