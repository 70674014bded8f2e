import path from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { describeInvalidInput } from '../../api/invalid-input.ts';
import { badRequest, findRelayError } from '../../errors.ts';
import type { Hub } from '../../relay/hub.ts';
import type { LoginStore } from '../../session/login-store.ts';
import { hostname } from '../../session/schema.ts';
import { authPage, UNKNOWN_SESSION } from './auth.ts';
import { type Page, renderPage } from './layout.ts';
import { pairPage, UNKNOWN_ROOM } from './pair.ts';

/** The package's folder. The path holds from src/http/pages and from dist/http/pages. */
const PACKAGE_DIR = path.resolve(import.meta.dirname, '../../..');

export interface PageDeps {
  logins: Pick<LoginStore, 'peek'>;
  hub: Pick<Hub, 'status'>;
}

type Query = Record<string, string | string[] | undefined>;

function readParameter(query: unknown, name: string): string {
  const value = (query as Query)[name];
  if (typeof value !== 'string' || value === '') throw badRequest(`The query parameter ${name} is missing.`);
  return value;
}

const AuthQuery = z.object({ tag: hostname.optional() });

/** Refuses a `tag` with characters that hostnames may not have. The page itself shows the stored hostname. */
function checkTag(query: unknown): void {
  const { error } = AuthQuery.safeParse(query);
  if (error) throw describeInvalidInput(error);
}

const send = (reply: FastifyReply, status: number, page: Page) =>
  reply.code(status).type('text/html; charset=utf-8').send(renderPage(page));

/** `GET /auth` and `GET /pair`, with the files they load. */
export async function mountPages(app: FastifyInstance, { logins, hub }: PageDeps): Promise<void> {
  await app.register(fastifyStatic, {
    root: [path.join(PACKAGE_DIR, 'public'), path.join(PACKAGE_DIR, 'dist/browser')],
    prefix: '/assets/',
    decorateReply: false,
    cacheControl: false,
    setHeaders: (reply) => reply.header('cache-control', 'no-cache'),
  });

  app.get('/auth', async (request, reply) => {
    const id = readParameter(request.query, 'id');
    checkTag(request.query);
    const login = await logins.peek(id);
    return login ? send(reply, 200, authPage(id, login)) : send(reply, 404, UNKNOWN_SESSION);
  });

  app.get('/pair', async (request, reply) => {
    const code = readParameter(request.query, 'code');
    try {
      return send(reply, 200, pairPage(code, await hub.status(code)));
    } catch (error) {
      if (findRelayError(error)?.code !== 'NOT_FOUND') throw error;
      return send(reply, 404, UNKNOWN_ROOM);
    }
  });
}
