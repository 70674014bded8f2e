import { readFile } from 'node:fs/promises';
import path from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { html, renderDocument } from './layout.ts';

/** The output of `npm run build` for src/dashboard. The path holds from src/http/pages and from dist/http/pages. */
const DASHBOARD_DIR = path.resolve(import.meta.dirname, '../../../dist/dashboard');

/** The page that replaces the dashboard in a checkout that was not built. */
const NOT_BUILT = renderDocument({
  title: 'vault-relay',
  head: html`<link rel="stylesheet" href="/assets/page.css">`,
  body: html`<main><h1>The dashboard is not built</h1><p>Run <code>npm run build</code> and start the server again.</p></main>`,
});

async function readPage(): Promise<string> {
  try {
    return await readFile(path.join(DASHBOARD_DIR, 'index.html'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NOT_BUILT;
    throw error;
  }
}

/**
 * `GET /`, the dashboard, and the files that it loads. Browsers may cache these without limit, because their names change
 * with their content. The build stores a compressed copy beside each. The state of the page is in the URL fragment,
 * which never reaches the server.
 */
export async function mountDashboard(app: FastifyInstance): Promise<void> {
  const page = await readPage();
  await app.register(fastifyStatic, {
    root: path.join(DASHBOARD_DIR, 'app'),
    prefix: '/app/',
    decorateReply: false,
    preCompressed: true,
    immutable: true,
    maxAge: '365d',
  });
  app.get('/', async (_request, reply) =>
    reply.header('cache-control', 'no-cache').type('text/html; charset=utf-8').send(page),
  );
}
