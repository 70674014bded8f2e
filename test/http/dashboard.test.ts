import { expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

/** What a first visit may cost on the wire. */
const FIRST_LOAD_LIMIT = 200 * 1024;

const server = useServer(useDatabase());

const get = (path: string, encoding = 'gzip') =>
  fetch(new URL(path, server.url), { headers: { 'accept-encoding': encoding } });

/** The files that the page names. */
async function listFiles(): Promise<string[]> {
  const page = await (await get('/')).text();
  return [...page.matchAll(/(?:src|href)="(\.\/[^"]+)"/g)].map(([, file = '']) => file);
}

test('the dashboard has no inline or external parts, and is revalidated each time', async () => {
  const response = await get('/');
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(response.headers.get('cache-control')).toBe('no-cache');
  const policy = response.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("default-src 'self'");
  expect(policy).not.toMatch(/unsafe|nonce|https?:/);
  const page = await response.text();
  expect(page).not.toMatch(/<style|style=|<script(?![^>]*src=)|\son\w+=|https?:\/\//);
});

test('its files have content-hashed names, are cached permanently, and are compressed', async () => {
  const files = await listFiles();
  expect(files.length).toBeGreaterThanOrEqual(2);
  for (const file of files) {
    expect(file).toMatch(/^\.\/app\/[\w-]+-[\w-]{8}\.(js|css|svg)$/);
    for (const encoding of ['br', 'gzip']) {
      const response = await get(file, encoding);
      expect(response.status).toBe(200);
      expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      expect(response.headers.get('content-encoding')).toBe(encoding);
      expect(response.headers.get('vary')).toContain('accept-encoding');
      await response.body?.cancel();
    }
    const plain = await get(file, 'identity');
    expect(plain.headers.get('content-encoding')).toBe(null);
    expect((await plain.text()).length).toBeGreaterThan(100);
  }
});

test('a first visit costs no more than it may', async () => {
  const sizes = await Promise.all(
    (await listFiles()).map(async (file) => {
      const response = await get(file);
      await response.body?.cancel();
      return Number(response.headers.get('content-length'));
    }),
  );
  const total = sizes.reduce((a, b) => a + b, 0);
  expect(total).toBeGreaterThan(10_000);
  expect(total).toBeLessThan(FIRST_LOAD_LIMIT);
});

test.each(['/app/', '/app/none.js', '/app/../index.html', '/index.html'])(
  'there is nothing at %s',
  async (path) => {
    expect((await get(path)).status).toBe(404);
  },
);
