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

/** The limit of a request's URL and headers together. Node answers longer ones with 431. */
const MAX_HEAD_BYTES = 16_384;

const isWebSocket = ({ method, headers }: IncomingMessage): boolean =>
  method === 'GET' &&
  (headers.upgrade ?? '')
    .toLowerCase()
    .split(',')
    .some((name) => name.trim() === 'websocket');

/**
 * A request that ignores `Upgrade` unless it asks for a WebSocket (RFC 9110, section 7.8). Node would detach the
 * connection of every request with this header, such as one from a client that offers h2c.
 */
class PlainRequest extends IncomingMessage {
  /** Not a private field, because Node's constructor sets `upgrade` before private fields exist. */
  declare asksForUpgrade?: boolean;

  /** Node sets it while it parses the head. Its types do not declare it. */
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

/** Options of every HTTP listener: logging, limits of time and length, and one error format. */
export const listenerOptions = ({ log, metrics, clientOf }: ListenerDeps) =>
  ({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: makeRequestId,
    requestTimeout: 10_000,
    http: {
      IncomingMessage: PlainRequest,
      // The host check refuses a missing header, in the common error format.
      requireHostHeader: false,
      maxHeaderSize: MAX_HEAD_BYTES,
      headersTimeout: 5000,
      // By default Node checks every 30 seconds, which is too late for these time-outs.
      connectionsCheckingInterval: 1000,
    },
    clientErrorHandler: makeClientErrorHandler(log, metrics),
    // Fastify refuses a URL that it cannot decode before any hook, and runs no hooks afterwards.
    frameworkErrors: (error, request, reply) => {
      markAnswer(request, reply);
      closeAfterAnswer(request, reply);
      sendError(error, request, reply);
      logRequest(request, reply, clientOf(request.raw));
    },
  }) satisfies FastifyHttpOptions<Server>;

/** Answers requests that Node itself would answer in another format. */
export function installListener(app: FastifyInstance, { clientOf }: ListenerDeps): void {
  // Node answers an unknown expectation with a bare 417. HTTP allows servers to ignore it.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  installClientAddress(app, clientOf);
}
