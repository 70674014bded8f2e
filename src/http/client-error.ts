import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { FastifyBaseLogger } from 'fastify';
import type { ErrorBody } from './public-error.ts';

/** What Node refuses before it is a request, by the code of the error: the status line and our sentence. */
const REFUSALS: ReadonlyMap<string, [statusLine: string, body: ErrorBody]> = new Map([
  [
    'HPE_HEADER_OVERFLOW',
    [
      '431 Request Header Fields Too Large',
      { error: 'The address and headers are too long.', code: 'BAD_REQUEST' },
    ],
  ],
  [
    'ERR_HTTP_REQUEST_TIMEOUT',
    ['408 Request Timeout', { error: 'The request took too long to arrive.', code: 'BAD_REQUEST' }],
  ],
]);

const NOT_HTTP: [string, ErrorBody] = [
  '400 Bad Request',
  { error: 'This is not HTTP.', code: 'BAD_REQUEST' },
];

/** Answers what cannot be read as a request. Its bytes stay out of the log: a session may stand in them. */
export const makeClientErrorHandler =
  (log: FastifyBaseLogger) => (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET' || socket.destroyed) return;
    const reqId = randomUUID();
    log.debug({ reqId, reason: error.code }, 'Refused what is no HTTP request');
    if (!socket.writable) return;
    const [statusLine, refusal] = REFUSALS.get(error.code ?? '') ?? NOT_HTTP;
    const body = JSON.stringify(refusal);
    const headers = `x-request-id: ${reqId}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${body.length}\r\nconnection: close`;
    socket.end(`HTTP/1.1 ${statusLine}\r\n${headers}\r\n\r\n${body}`, () => socket.destroy());
  };
