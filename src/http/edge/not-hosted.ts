import type { FastifyInstance, HTTPMethods } from 'fastify';
import { RelayError } from '../../errors.ts';

/** The features of newer clients that this server does not host, by URL. */
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

/** Answers 501 without identifying the caller or reading the body. */
function refuse(app: FastifyInstance, url: string, { method, sentence }: Refused): void {
  app.route({
    method,
    url,
    onRequest: (_request, _reply, done) => done(new RelayError('NOT_IMPLEMENTED', sentence)),
    handler: () => undefined,
  });
}

/**
 * Mounts the calls of newer clients that this server does not host, at any depth. The answer explains what to do,
 * because clients show it to their users. The status is 501, because 404, 410 and 503 mean something else to them.
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
