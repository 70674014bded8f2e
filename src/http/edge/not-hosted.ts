import type { FastifyInstance, HTTPMethods } from 'fastify';
import { RelayError } from '../../errors.ts';

/** What newer clients ask their relay for, and this server does not host: `url` is what is not hosted there. */
const NOT_HOSTED: Readonly<Record<string, string>> = {
  '/api/memory': 'memory',
  '/api/skills': 'skills',
  '/api/rtc-sessions': 'calls',
  '/api/voice-sessions': 'voice sessions',
  '/api/llm': 'language models',
  '/api/diagrams': 'diagrams',
};

const METHODS: HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

interface Refused {
  method: HTTPMethods[];
  sentence: string;
}

/** Answers 501 before anything of the request is looked at: who calls does not matter, and no body is read. */
function refuse(app: FastifyInstance, url: string, { method, sentence }: Refused): void {
  app.route({
    method,
    url,
    onRequest: (_request, _reply, done) => done(new RelayError('NOT_IMPLEMENTED', sentence)),
    handler: () => undefined,
  });
}

/**
 * Mounts the calls of newer clients that this server does not host, at any depth. A user reads the answer, so that it
 * says what to do. It is 501: these clients give 404, 410 and 503 meanings that would not be true here.
 */
export function mountNotHosted(app: FastifyInstance): void {
  for (const [url, what] of Object.entries(NOT_HOSTED)) {
    const sentence = `This server hosts vaults, not ${what}; to use ${what}, set ASTATION_RELAY_URL to a relay that does.`;
    refuse(app, url, { method: METHODS, sentence });
    refuse(app, `${url}/*`, { method: METHODS, sentence });
  }
  for (const url of ['/api/vault/:vault_id/encryption', '/api/vault/:vault_id/encryption/']) {
    refuse(app, url, {
      method: ['POST'],
      sentence:
        'This server hosts vaults, not account encryption; turn encryption off for this account to keep vaults here.',
    });
  }
}
