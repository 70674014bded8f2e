import cors from '@fastify/cors';
import helmet, { type FastifyHelmetOptions } from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../config.ts';

type HeaderConfig = Pick<Config, 'publicBaseUrl' | 'corsOrigin'>;

/** Nothing from elsewhere, nothing inline; HTTPS is insisted on only where it is known to be there. */
const securityHeaders = ({ publicBaseUrl }: HeaderConfig): FastifyHelmetOptions => ({
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
    },
  },
  strictTransportSecurity: publicBaseUrl?.startsWith('https:') ?? false,
});

/** The security headers of every answer, and those that let pages of other origins in where that is configured. */
export async function installHeaders(app: FastifyInstance, config: HeaderConfig): Promise<void> {
  await app.register(helmet, securityHeaders(config));
  if (!config.corsOrigin) return;
  await app.register(cors, {
    origin: config.corsOrigin.includes('*') ? '*' : config.corsOrigin,
    methods: ['GET', 'HEAD', 'POST', 'DELETE'],
    strictPreflight: false,
    exposedHeaders: [
      'x-request-id',
      'retry-after',
      'x-vault-head',
      'x-vault-head-hash',
      'link',
      'idempotent-replayed',
    ],
  });
}
