import type { FastifyInstance } from 'fastify';
import { badRequest } from '../errors.ts';
import { readJsonText } from './json-text.ts';

/** Accepts JSON alone in this scope, and hands its text to `parse`. */
export function installJsonBody(app: FastifyInstance, parse: (text: string) => unknown): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_: unknown, bytes: Buffer) =>
    parse(readJsonText(bytes)),
  );
}

/** `__proto__` stays a field like any other, which the strict schemas refuse. */
export function parseJson(text: string): unknown {
  if (text.length === 0) throw badRequest('The request body is empty; it must be a JSON object.');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badRequest(`The request body is not valid JSON: ${(error as Error).message}.`);
  }
}
