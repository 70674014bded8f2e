import {
  classifyInboundRequest,
  createMcpHandler,
  type InboundHttpRequest,
  type InboundModernRoute,
  PerRequestHTTPServerTransport,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import { exchange, type Outcome } from './exchange.ts';
import { MODERN_REVISION, Servers } from './server.ts';
import { type Changes, LISTEN, makeEvents } from './subscription.ts';
import type { McpCall, Tools } from './tools.ts';

/** What a server on MCP consists of. */
export interface ServeParts {
  tools: Tools;
  changes: Changes;
  version: string;
}

interface ServeDeps {
  servers: Servers;
  changes: Changes;
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
async function serveLegacy({ web, body, ...call }: Received, { servers }: ServeDeps): Promise<Outcome> {
  const server = servers.make(call, 'legacy');
  server.onerror = call.onError;
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
  await server.connect(transport);
  const begin = () => transport.handleRequest(web, { parsedBody: body });
  // The transport joins the results of a batch.
  return Array.isArray(body) ? begin() : exchange(transport, begin);
}

/** Serves a call of a tool whose headers are checked. */
async function callTool({ message, classification }: InboundModernRoute, call: Received, deps: ServeDeps) {
  const server = deps.servers.make(call, 'modern');
  server.onerror = call.onError;
  const transport = new PerRequestHTTPServerTransport({ classification });
  await server.connect(transport);
  return exchange(transport, () => transport.handleMessage(message));
}

/** Serves a request of the modern era. Each has a handler, so that a subscription has the events of its reader alone. */
async function serveModern({ web, body, ...call }: Received, deps: ServeDeps): Promise<Response> {
  const { method, params } = body as { method?: unknown; params?: unknown };
  const reader = method === LISTEN ? await call.context.identify('reader') : undefined;
  const bus =
    reader &&
    makeEvents(deps.changes, {
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

/** The headers by which clients of the modern era repeat what the body says. */
type Repeated = Pick<InboundHttpRequest, 'protocolVersionHeader' | 'mcpMethodHeader' | 'mcpNameHeader'>;

function repeatedIn({ web: { headers } }: Received): Repeated {
  const version = headers.get('mcp-protocol-version');
  const method = headers.get('mcp-method');
  const name = headers.get('mcp-name');
  return {
    ...(version !== null && { protocolVersionHeader: version }),
    ...(method !== null && { mcpMethodHeader: method }),
    ...(name !== null && { mcpNameHeader: name }),
  };
}

/** Whether a message calls a tool, and each header is there and repeats the body. The handler judges all others. */
const isPlainCall = (
  { message: { method, params }, classification: { revision } }: InboundModernRoute,
  headers: Repeated,
): boolean =>
  method === 'tools/call' &&
  revision === MODERN_REVISION &&
  headers.protocolVersionHeader === revision &&
  headers.mcpMethodHeader === method &&
  headers.mcpNameHeader === params?.name;

/** Answers one message, or a batch of the legacy era. @throws RelayError where a subscription is refused */
export type Serve = (received: Received) => Promise<Outcome>;

async function serve(received: Received, deps: ServeDeps): Promise<Outcome> {
  const headers = repeatedIn(received);
  const route = classifyInboundRequest({ httpMethod: 'POST', body: received.body, ...headers });
  if (route.kind === 'legacy') return serveLegacy(received, deps);
  if (route.kind === 'modern' && isPlainCall(route, headers)) return callTool(route, received, deps);
  return serveModern(received, deps);
}

/** Makes what answers the messages. */
export function makeServe({ tools, changes, version }: ServeParts): Serve {
  const deps = { servers: new Servers(tools, version), changes };
  return (received) => serve(received, deps);
}
