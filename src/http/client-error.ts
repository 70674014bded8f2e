import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { FastifyBaseLogger } from 'fastify';
import type { Metrics } from '../observability/metrics.ts';
import type { ErrorBody } from './public-error.ts';

interface Refusal {
  statusLine: string;
  error: string;
  /** How the metrics call it. */
  cause: string;
}

/** What Node refuses before it is a request, by the code of the error. */
const REFUSALS: ReadonlyMap<string, Refusal> = new Map([
  [
    'HPE_HEADER_OVERFLOW',
    {
      statusLine: '431 Request Header Fields Too Large',
      error: 'The address and headers are too long.',
      cause: 'HEADERS_TOO_LONG',
    },
  ],
  [
    'ERR_HTTP_REQUEST_TIMEOUT',
    {
      statusLine: '408 Request Timeout',
      error: 'The request took too long to arrive.',
      cause: 'REQUEST_TOO_SLOW',
    },
  ],
]);

const NOT_HTTP: Refusal = { statusLine: '400 Bad Request', error: 'This is not HTTP.', cause: 'NOT_HTTP' };

/** Answers what cannot be read as a request. Its bytes stay out of the log: a session may stand in them. */
export const makeClientErrorHandler =
  (log: FastifyBaseLogger, metrics: Metrics) => (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET' || socket.destroyed) return;
    const reqId = randomUUID();
    log.debug({ reqId, reason: error.code }, 'Refused what is no HTTP request');
    const { statusLine, error: sentence, cause } = REFUSALS.get(error.code ?? '') ?? NOT_HTTP;
    metrics.refused(cause);
    if (!socket.writable) return;
    const body = JSON.stringify({ error: sentence, code: 'BAD_REQUEST' } satisfies ErrorBody);
    const headers = `x-request-id: ${reqId}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${body.length}\r\nconnection: close`;
    socket.end(`HTTP/1.1 ${statusLine}\r\n${headers}\r\n\r\n${body}`, () => socket.destroy());
  };
