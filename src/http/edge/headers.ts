import type { IncomingMessage, ServerResponse } from 'node:http';
import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import helmet, { type HelmetOptions } from 'helmet';
import type { Config } from '../../config.ts';

type HeaderConfig = Pick<Config, 'publicBaseUrl' | 'corsOrigin'>;

/** Nothing from elsewhere, nothing inline; HTTPS is insisted on only where it is known to be there. */
const securityHeaders = ({ publicBaseUrl }: HeaderConfig): HelmetOptions => ({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
      // Viewers draw their icons as data.
      imgSrc: ["'self'", 'data:'],
      objectSrc: ["'none'"],
      workerSrc: ["'self'"],
    },
  },
  strictTransportSecurity: publicBaseUrl?.startsWith('https:') ?? false,
});

/** What helmet would set on an answer. Nothing of it depends on the request, so it is asked once. */
function listHeaders(options: HelmetOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  const recorder = {
    setHeader: (name: string, value: string) => {
      headers[name.toLowerCase()] = value;
    },
    removeHeader: () => undefined,
  };
  helmet(options)({} as IncomingMessage, recorder as unknown as ServerResponse, (error) => {
    if (error) throw error;
  });
  return headers;
}

/** Answers of the API, which are data. */
const isData = (url: string) => url.startsWith('/api/') || url.startsWith('/trpc/');

/** Of helmet's headers those that say something about data: the others are about pages, and are most of them. */
const ABOUT_DATA = [
  'cross-origin-resource-policy',
  'referrer-policy',
  'strict-transport-security',
  'x-content-type-options',
];

/** Whoever opens data as a page gets nothing to run, and into no frame. */
const DATA_POLICY = "default-src 'none';frame-ancestors 'none'";

/**
 * Puts helmet's headers on every answer of this scope. Its plugin for Fastify builds them anew for each request, which
 * cost a tenth of an append that does not wait for its database.
 */
export function installSecurityHeaders(app: FastifyInstance, config: HeaderConfig): void {
  const ofPages = listHeaders(securityHeaders(config));
  const ofData = {
    'content-security-policy': DATA_POLICY,
    ...Object.fromEntries(Object.entries(ofPages).filter(([name]) => ABOUT_DATA.includes(name))),
  };
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(isData(request.url) ? ofData : ofPages);
    done();
  });
}

/** The headers that let pages of other origins in, where that is configured. */
export async function installCors(app: FastifyInstance, config: HeaderConfig): Promise<void> {
  if (!config.corsOrigin) return;
  await app.register(cors, {
    origin: config.corsOrigin.includes('*') ? '*' : config.corsOrigin,
    methods: ['GET', 'HEAD', 'POST', 'DELETE'],
    strictPreflight: false,
    exposedHeaders: [
      'x-request-id',
      'retry-after',
      'www-authenticate',
      'etag',
      'x-vault-head',
      'x-vault-head-hash',
      'link',
      'idempotent-replayed',
    ],
  });
}
