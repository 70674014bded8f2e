import {
  createMcpHandler,
  isLegacyRequest,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import type { Servers } from './server.ts';
import { type Changes, LISTEN, makeEvents } from './subscription.ts';
import type { McpCall } from './tools.ts';

export interface ServeDeps {
  servers: Servers;
  followers: Changes;
}

/** What arrived, and who sent it. */
export interface Received extends McpCall {
  web: Request;
  /** The JSON of the body. */
  body: unknown;
  /** Gets every error that the protocol's server reports, also those of its client. */
  onError(error: Error): void;
}

/**
 * Serves a request of the era that begins with `initialize`, without a session. The answer is JSON, because this server
 * sends nothing before a result.
 */
async function serveLegacy({ web, body, ...call }: Received, { servers }: ServeDeps): Promise<Response> {
  const server = servers.make(call, 'legacy');
  server.onerror = call.onError;
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
  await server.connect(transport);
  try {
    return await transport.handleRequest(web, { parsedBody: body });
  } finally {
    await server.close();
  }
}

/** Serves a request of the modern era. Each has a handler, so that a subscription has the events of its reader alone. */
async function serveModern({ web, body, ...call }: Received, deps: ServeDeps): Promise<Response> {
  const { method, params } = body as { method?: unknown; params?: unknown };
  const reader = method === LISTEN ? await call.context.identify('reader') : undefined;
  const bus =
    reader &&
    makeEvents(deps.followers, {
      reader,
      params,
      signal: call.context.signal,
      onEnd: () => void handler.close(),
    });
  const handler = createMcpHandler(() => deps.servers.make(call, 'modern'), {
    legacy: 'reject',
    onerror: call.onError,
    ...(bus && { bus }),
  });
  // A subscription ends with its connection. Other calls watch theirs where they wait (`Io.signal`).
  const watched = reader ? Object.assign(web, { signal: call.context.signal }) : web;
  return handler.fetch(watched, { parsedBody: body });
}

/** Answers one message, or a batch of the legacy era. @throws RelayError where a subscription is refused */
export const serve = async (received: Received, deps: ServeDeps): Promise<Response> =>
  (await isLegacyRequest(received.web, received.body))
    ? serveLegacy(received, deps)
    : serveModern(received, deps);
