import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyBaseLogger } from 'fastify';
import { ERROR_FACES, type ErrorCode } from '../../errors.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { ErrorBody } from './public-error.ts';

interface Refusal {
  code: ErrorCode;
  error: string;
  /** Its name in the metrics. */
  cause: string;
}

/** Refusals of bytes that Node cannot parse as a request, by error code. */
const REFUSALS: ReadonlyMap<string, Refusal> = new Map([
  [
    'HPE_HEADER_OVERFLOW',
    {
      code: 'HEADERS_TOO_LARGE',
      error: 'The path and headers are too long.',
      cause: 'HEADERS_TOO_LONG',
    },
  ],
  [
    'ERR_HTTP_REQUEST_TIMEOUT',
    {
      code: 'REQUEST_TIMEOUT',
      error: 'The request took too long to arrive.',
      cause: 'REQUEST_TOO_SLOW',
    },
  ],
]);

const NOT_HTTP: Refusal = { code: 'BAD_REQUEST', error: 'This is not HTTP.', cause: 'NOT_HTTP' };

/** Answers unparsable bytes in the common error format, and closes their connection. */
function answerAndClose(socket: Socket, { code, error }: Refusal, reqId: string): void {
  const { status } = ERROR_FACES[code];
  const body = JSON.stringify({ error, code } satisfies ErrorBody);
  const headers = `x-request-id: ${reqId}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${body.length}\r\nconnection: close`;
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers}\r\n\r\n${body}`, () =>
    socket.destroy(),
  );
}

/** Answers bytes that are not a request. The log leaves the bytes out, because they may contain a session id. */
export const makeClientErrorHandler =
  (log: FastifyBaseLogger, metrics: Metrics) => (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET' || socket.destroyed) return;
    const reqId = randomUUID();
    log.debug({ reqId, reason: error.code }, 'Refused bytes that are not an HTTP request');
    const refusal = REFUSALS.get(error.code ?? '') ?? NOT_HTTP;
    metrics.refused(refusal.cause);
    if (socket.writable) answerAndClose(socket, refusal, reqId);
  };
