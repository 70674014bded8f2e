import { createRequire } from 'node:module';
import path from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { html, renderDocument } from './layout.ts';

/** The viewer's files come from its npm package, so that the page loads nothing from other hosts. */
const VIEWER_DIR = path.dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
const VIEWER_FILES = ['/swagger-ui.css', '/swagger-ui-bundle.js'];

const PAGE = renderDocument({
  title: 'API of vault-relay',
  head: html`<link rel="stylesheet" href="/docs/viewer/swagger-ui.css">
<script defer src="/docs/viewer/swagger-ui-bundle.js"></script>
<script defer type="module" src="/assets/docs.js"></script>`,
  body: html`<div id="docs"></div>
<noscript><p>This viewer needs JavaScript; the document itself is at <a href="/api/openapi.json">/api/openapi.json</a>.</p></noscript>`,
});

/**
 * `GET /api/openapi.json`, and `GET /docs`: the document in an interactive viewer.
 * @param document called for each request of the document
 */
export async function mountDocs(app: FastifyInstance, document: () => Promise<string>): Promise<void> {
  app.get('/api/openapi.json', async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(await document()),
  );
  await app.register(fastifyStatic, {
    root: VIEWER_DIR,
    prefix: '/docs/viewer/',
    allowedPath: (pathname) => VIEWER_FILES.includes(pathname),
    decorateReply: false,
    cacheControl: false,
    setHeaders: (reply) => reply.header('cache-control', 'no-cache'),
  });
  app.get('/docs', async (_request, reply) => reply.type('text/html; charset=utf-8').send(PAGE));
}
