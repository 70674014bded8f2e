import { inflateSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { describeInBrowser, useBrowser, useSharedPage, withPage } from '../support/browser.ts';
import { trpcClient } from '../support/client.ts';
import { entryOf, goTo, openDashboard, overflowOf } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

const TABLE = `| option | what it costs | revocable | comment |
|:--|--:|:-:|:--|
| JWT in a cookie | nothing at all | no | HttpOnly; SameSite=Lax |
| session table | one read a request | yes | what we have today |`;

/** Words that are torn apart: their letters stand on more than one line. */
const TORN = (selector: string) => `(() => {
  const torn = [];
  const range = document.createRange();
  for (const place of document.querySelectorAll('${selector}')) {
    const texts = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      for (const { 0: word, index } of texts.currentNode.data.matchAll(/\\S+/g)) {
        range.setStart(texts.currentNode, index);
        range.setEnd(texts.currentNode, index + word.length);
        if (new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size > 1) torn.push(word);
      }
    }
  }
  return torn;
})()`;

/** How much two colours of a page differ in contrast, as WCAG counts it. */
const CONTRAST = `(a, b) => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const luminance = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}`;

/** Pages of a PDF, and those that have text on them. */
function countPages(pdf: Buffer): { pages: number; withText: number } {
  const text = pdf.toString('latin1');
  const pages = text.match(/\/Type\s*\/Page\b(?!s)/g)?.length ?? 0;
  let withText = 0;
  for (const { index } of text.matchAll(/stream\r?\n/g)) {
    if (text.slice(index - 3, index) === 'end') continue;
    const start = text.indexOf('\n', index) + 1;
    try {
      const content = inflateSync(pdf.subarray(start, text.indexOf('endstream', start))).toString('latin1');
      if (/\bT[jJ]\b/.test(content)) withText++;
    } catch {
      // A stream that is not compressed is a font or a picture.
    }
  }
  return { pages, withText };
}

describeInBrowser('how the dashboard looks', () => {
  const token = 'operator-token-of-the-tests-0123456789';
  const server = useServer(useDatabase(), { dashboardToken: token });
  const use = useBrowser();

  let who: { session: string; clientId: string };
  beforeAll(async () => {
    who = { session: await server.login('ast-styles'), clientId: 'maria' };
  });
  const onPage = useSharedPage(use, { expected: /status of 409/ }, (page) =>
    openDashboard(page, server.url, who),
  );
  /** A new vault of the session that the shared page is signed in with. */
  const enter = async (texts: string[], writers: string[] = ['agent-a']) => {
    const as = (clientId: string) => trpcClient(server.url, { session: who.session, clientId });
    const { vault_id } = await as('agent-a').vault.create.mutate({ summary: 'auth' });
    for (const [i, text] of texts.entries()) {
      await as(writers[i % writers.length] ?? 'agent-a').vault.append.mutate({ vault_id, text });
    }
    const open = (page: Page, path = `/v/${vault_id}`) => goTo(page, path);
    return { vault_id, open, agent: as('agent-a') };
  };

  describe('D3: a table on a telephone', () => {
    const telephone = { viewport: { width: 320, height: 780 }, isMobile: true, hasTouch: true };

    test('keeps words of an entry whole and scrolls independently', async () => {
      const { vault_id } = await enter([TABLE]);
      await withPage({ ...use, ...telephone }, async (page) => {
        await openDashboard(page, server.url, who, `/v/${vault_id}`);
        await entryOf(page, 1).locator('table').waitFor();
        for (const width of [320, 390]) {
          await page.setViewportSize({ width, height: 780 });
          expect(await page.evaluate(TORN('.formatted td, .formatted th'))).toEqual([]);
          expect(await overflowOf(page)).toBe(0);
        }
      });
    });

    test('of the work sessions keeps its words whole', async () => {
      await server.login('ast-with-a-rather-long-name-of-many-words');
      await withPage({ ...use, ...telephone }, async (page) => {
        await openDashboard(page, server.url, { token }, '/server');
        await page.getByText('ast-with-a-rather-long-name-of-many-words').waitFor();
        expect(await page.evaluate(TORN('.work-sessions th, .work-sessions td:last-child'))).toEqual([]);
        expect(await overflowOf(page)).toBe(0);
      });
    });
  });

  describe('D4: the colours of writers', () => {
    const hues = (page: Page) =>
      page.evaluate<[string, number][]>(`[...document.querySelectorAll('.entry .writer')].map((writer) => [
        writer.textContent,
        Number(getComputedStyle(writer.querySelector('.dot')).getPropertyValue('--hue')),
      ])`);

    test.each([
      ['six of one name', ['agent-a', 'agent-b', 'agent-c', 'agent-d', 'agent-e', 'agent-f']],
      ['four numbers', ['agent-1', 'agent-2', 'agent-3', 'agent-4']],
      ['ids', ['5f0c1f0e-8a43', '5f0c1f0e-8a44', '6f0c1f0e-8a43', '团队-mac', 'maria', 'a', 'b', 'c']],
    ])('of %s are distinct', async (_, writers) => {
      const { open } = await enter(
        writers.map((name) => `by ${name}`),
        writers,
      );
      await onPage(async (page) => {
        await page.setViewportSize({ width: 1000, height: 2400 });
        await open(page);
        await entryOf(page, writers.length).waitFor();
        await expect
          .poll(async () => new Set((await hues(page)).map(([, hue]) => hue)).size)
          .toBe(writers.length);
        const found = (await hues(page)).map(([, hue]) => hue).sort((a, b) => a - b);
        for (const [i, hue] of found.entries()) {
          const next = found[(i + 1) % found.length] ?? 0;
          expect((next - hue + 360) % 360).toBeGreaterThanOrEqual(30);
        }
      });
    });

    test('are the same in the list as in the vault', async () => {
      const writers = ['agent-a', 'agent-b', 'agent-c'];
      const { open, vault_id } = await enter(writers, writers);
      await onPage(async (page) => {
        await open(page);
        await entryOf(page, 3).waitFor();
        const inVault = new Map(await hues(page));
        await open(page, '/');
        const row = `.vault-row[href$="${vault_id}"]`;
        await page.locator(row).locator('.writer').nth(2).waitFor();
        const inList = await page.evaluate<
          [string, number][]
        >(`[...document.querySelectorAll('${row} .writer')].map((writer) => [
          writer.textContent, Number(getComputedStyle(writer.querySelector('.dot')).getPropertyValue('--hue'))])`);
        expect(new Map(inList)).toEqual(inVault);
      });
    });
  });

  describe('D5: the selected item', () => {
    test('is distinct from the other items, in light and dark', async () => {
      const { open } = await enter(['one']);
      await onPage(async (page) => {
        await open(page);
        await page.locator('.segment[data-pressed]').waitFor();
        for (const colorScheme of ['dark', 'light'] as const) {
          await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
          const contrast = await page.evaluate<number>(`(() => {
            const chosen = getComputedStyle(document.querySelector('.segment[data-pressed]'));
            const ground = getComputedStyle(document.querySelector('.segments'));
            const ring = /(?:rgb|oklch|color)[^)]*\\)/.exec(chosen.boxShadow)[0];
            return (${CONTRAST})(ring, ground.backgroundColor);
          })()`);
          expect(contrast, colorScheme).toBeGreaterThanOrEqual(3);
        }
      });
    });

    test('with forced colours: one tab, one segment and one entry appear selected', async () => {
      const { vault_id } = await enter(['one', 'two']);
      await withPage({ ...use, forcedColors: 'active' }, async (page) => {
        await openDashboard(page, server.url, who, `/v/${vault_id}/e2`);
        await page.locator('.entry.marked').waitFor();
        const looks = (selector: string, property: string) =>
          page.evaluate<string[]>(
            `[...document.querySelectorAll('${selector}')].map((one) => getComputedStyle(one).${property})`,
          );
        const tabs = await looks('.tab', 'borderBottomColor');
        expect(tabs).toHaveLength(3);
        expect(tabs.filter((colour) => colour === tabs[0])).toHaveLength(1);
        expect(new Set(tabs).size).toBe(2);
        expect(new Set(await looks('.segment', 'backgroundColor')).size).toBe(2);
        expect(new Set(await looks('.entry', 'borderInlineStartWidth')).size).toBe(2);
        const dots = await looks('.dot', 'backgroundColor');
        expect(dots.every((colour) => colour.startsWith('oklch'))).toBe(true);
      });
    });
  });

  describe('D8: no element covers a control', () => {
    test('"new entries" is above the input box at any height of the box', async () => {
      const { open, agent, vault_id } = await enter(Array.from({ length: 40 }, (_, i) => `entry ${i}`));
      await onPage(async (page) => {
        await page.setViewportSize({ width: 1280, height: 720 });
        await open(page);
        await entryOf(page, 1).waitFor();
        const box = page.getByLabel('Write an entry');
        for (const draft of ['', 'a line\n'.repeat(4), 'a line\n'.repeat(40)]) {
          await box.fill(draft);
          await agent.vault.append.mutate({ vault_id, text: 'one more' });
          const pill = page.getByRole('button', { name: /\d new entr/ });
          await pill.waitFor();
          const [above, below] = [await pill.boundingBox(), await page.locator('.composer').boundingBox()];
          expect((above?.y ?? 0) + (above?.height ?? 0)).toBeLessThanOrEqual(below?.y ?? 0);
        }
      });
    });

    test('the buttons of a conflict are inside a window of any size', async () => {
      const long = Array.from({ length: 80 }, (_, i) => `line ${i} of the text`);
      const { open, agent, vault_id } = await enter([long.join('\n')]);
      await onPage(async (page) => {
        await page.setViewportSize({ width: 1440, height: 900 });
        await open(page);
        await page.getByRole('button', { name: 'Edit e1 v1' }).click();
        await page.getByRole('textbox', { name: 'Edit e1 v1' }).fill(long.with(3, 'mine').join('\n'));
        await agent.vault.override.mutate({
          vault_id,
          entry_id: 1,
          text: long.with(60, 'theirs').join('\n'),
        });
        await page.getByRole('button', { name: 'Save' }).click();
        const save = page.getByRole('button', { name: 'Save merged text' });
        await save.waitFor();
        for (const [width, height] of [
          [1440, 900],
          [1024, 768],
          [390, 780],
        ] as const) {
          await page.setViewportSize({ width, height });
          const box = await save.boundingBox();
          expect((box?.y ?? height) + (box?.height ?? 0)).toBeLessThanOrEqual(height);
          expect(box?.y).toBeGreaterThan(height / 2);
        }
      });
    });
  });

  test('D9: a vault with more entries than the page renders is printed completely, without blank pages', async () => {
    const { open } = await enter(Array.from({ length: 105 }, (_, i) => `entry ${i + 1}: **decided**`));
    await onPage(async (page) => {
      await page.setViewportSize({ width: 1280, height: 720 });
      await open(page);
      await page.locator('[aria-setsize="105"]').first().waitFor();
      const { pages, withText } = countPages(await page.pdf({ format: 'A4' }));
      expect(pages).toBeGreaterThan(2);
      expect(pages).toBeLessThan(20);
      expect(withText).toBe(pages);
      await page.emulateMedia({ media: 'print' });
      await page.evaluate('dispatchEvent(new Event("beforeprint"))');
      expect(await page.locator('.entry').count()).toBe(105);
      await entryOf(page, 105).locator('strong').waitFor();
      expect(await page.locator('.composer').isVisible()).toBe(false);
      await page.emulateMedia({ media: 'screen' });
      await page.evaluate('dispatchEvent(new Event("afterprint"))');
      await expect.poll(() => page.locator('.entry').count()).toBeLessThan(60);
    });
  });

  test('D17: dates are written as in the variant of English that the browser asks for', async () => {
    const { vault_id } = await enter(['one']);
    const dateIn = (locale: string) =>
      withPage({ ...use, locale }, async (page) => {
        await openDashboard(page, server.url, who, `/v/${vault_id}`);
        return (await entryOf(page, 1).locator('time').getAttribute('title')) ?? '';
      });
    expect(await dateIn('en-GB')).toMatch(/^\d{1,2} \w+ 20\d\d, \d\d:\d\d:\d\d$/);
    expect(await dateIn('en-US')).toMatch(/^\w+ \d{1,2}, 20\d\d, \d{1,2}:\d\d:\d\d\s[AP]M$/);
  });

  test('D17: every page has an icon that exists', async () => {
    for (const path of ['/', '/auth?id=nothing', '/pair?code=nothing', '/docs']) {
      const html = await (await fetch(`${server.url}${path}`)).text();
      const href = /<link rel="icon"[^>]* href="([^"]+)"/.exec(html)?.[1] ?? 'none';
      const answer = await fetch(new URL(href, `${server.url}${path}`));
      expect(answer.status, path).toBe(200);
      expect(answer.headers.get('content-type')).toContain('image/svg+xml');
    }
  });
});
