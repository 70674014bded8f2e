import { IncomingMessage, type Server } from 'node:http';
import {
  type FastifyBaseLogger,
  type FastifyHttpOptions,
  type FastifyInstance,
  LogController,
} from 'fastify';
import type { Metrics } from '../../observability/metrics.ts';
import { logRequest, makeRequestId, markAnswer } from '../ops/request-log.ts';
import { type ClientOf, installClientAddress } from './client-address.ts';
import { makeClientErrorHandler } from './client-error.ts';
import { sendError } from './error-handler.ts';
import { closeAfterAnswer } from './upgrade.ts';

/** Bytes of a request's address and headers together; Node answers more with 431. */
const MAX_HEAD_BYTES = 16_384;

const isWebSocket = ({ method, headers }: IncomingMessage): boolean =>
  method === 'GET' &&
  (headers.upgrade ?? '')
    .toLowerCase()
    .split(',')
    .some((name) => name.trim() === 'websocket');

/**
 * A request whose `Upgrade` is ignored unless it asks for a WebSocket (RFC 9110, section 7.8). Node would hand over the
 * connection of every request with this header, such as that of a client that offers h2c.
 */
class PlainRequest extends IncomingMessage {
  /** Not a private field, because the constructor of Node sets `upgrade` before that would exist. */
  declare asksForUpgrade?: boolean;

  /** Node sets it while it reads the head; its types leave it out. */
  get upgrade(): boolean {
    return this.asksForUpgrade === true && isWebSocket(this);
  }
  set upgrade(asks: boolean | null) {
    this.asksForUpgrade = asks === true;
  }
}

export interface ListenerDeps {
  log: FastifyBaseLogger;
  metrics: Metrics;
  clientOf: ClientOf;
}

/** Options of every listener of this program: logs, limits of time and length, and one shape of every error. */
export const listenerOptions = ({ log, metrics, clientOf }: ListenerDeps) =>
  ({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: makeRequestId,
    requestTimeout: 10_000,
    http: {
      IncomingMessage: PlainRequest,
      // The check of hosts refuses a missing one in the shape of every error.
      requireHostHeader: false,
      maxHeaderSize: MAX_HEAD_BYTES,
      headersTimeout: 5000,
      // Node itself checks once in 30 seconds, and would cut a slow request that late.
      connectionsCheckingInterval: 1000,
    },
    clientErrorHandler: makeClientErrorHandler(log, metrics),
    // Fastify refuses an address that it cannot decode before any hook, and runs none after that.
    frameworkErrors: (error, request, reply) => {
      markAnswer(request, reply);
      closeAfterAnswer(request, reply);
      sendError(error, request, reply);
      logRequest(request, reply, clientOf(request.raw));
    },
  }) satisfies FastifyHttpOptions<Server>;

/** Answers requests that Node itself would answer in another shape. */
export function installListener(app: FastifyInstance, { clientOf }: ListenerDeps): void {
  // Node itself answers an unknown expectation with a bare 417. A server may ignore the expectation.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  installClientAddress(app, clientOf);
}
