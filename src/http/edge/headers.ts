import type { IncomingMessage, ServerResponse } from 'node:http';
import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import helmet, { type HelmetOptions } from 'helmet';
import type { Config } from '../../config.ts';

type HeaderConfig = Pick<Config, 'publicBaseUrl' | 'corsOrigin'>;

/** Allows no foreign origins and no inline code. Requires HTTPS only where PUBLIC_BASE_URL has it. */
const securityHeaders = ({ publicBaseUrl }: HeaderConfig): HelmetOptions => ({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
      // The documentation viewer loads its icons from data: URLs.
      imgSrc: ["'self'", 'data:'],
      objectSrc: ["'none'"],
      workerSrc: ["'self'"],
    },
  },
  strictTransportSecurity: publicBaseUrl?.startsWith('https:') ?? false,
});

/** The headers that helmet sets. Computed once, because they do not depend on the request. */
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

/** Whether a URL is one of the API, whose answers are data. */
const isData = (url: string) =>
  url.startsWith('/api/') || url.startsWith('/trpc/') || /^\/mcp(?:[/?]|$)/.test(url);

/** The few of helmet's headers that apply to data. Most of its headers apply to pages only. */
const ABOUT_DATA = [
  'cross-origin-resource-policy',
  'referrer-policy',
  'strict-transport-security',
  'x-content-type-options',
];

/** A browser that opens data as a page may run nothing and may not show it in a frame. */
const DATA_POLICY = "default-src 'none';frame-ancestors 'none'";

/**
 * Sets helmet's headers on every answer of this scope. Its Fastify plugin is not used, because it rebuilds them for each
 * request, at a tenth of the CPU time of an append.
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

/** Sets the CORS headers that admit pages of other origins, where that is configured. */
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
