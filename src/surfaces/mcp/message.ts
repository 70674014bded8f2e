import type { FastifyRequest } from 'fastify';
import type { Tools } from './tools.ts';

interface Message {
  method?: unknown;
  params?: { name?: unknown; arguments?: unknown };
}

/** The methods that logs and metrics name. Clients may send any others. */
const METHODS: ReadonlySet<string> = new Set([
  'initialize',
  'notifications/initialized',
  'notifications/cancelled',
  'ping',
  'prompts/get',
  'prompts/list',
  'resources/list',
  'resources/read',
  'resources/templates/list',
  'server/discover',
  'subscriptions/listen',
  'tools/list',
]);

const messageOf = ({ body }: FastifyRequest) => (body ?? {}) as Message;

function toolOf(request: FastifyRequest): string | undefined {
  const { method, params } = messageOf(request);
  return method === 'tools/call' && typeof params?.name === 'string' ? params.name : undefined;
}

/**
 * The name of what a request calls: the operation behind a tool, `batch`, or the method of the protocol.
 * @returns undefined where it names nothing that this server has, and before the body is read
 */
export const operationOfMessage =
  (tools: Tools) =>
  (request: FastifyRequest): string | undefined => {
    if (Array.isArray(request.body)) return 'batch';
    const tool = toolOf(request);
    if (tool !== undefined) return tools.callOf(tool, messageOf(request).params?.arguments);
    const { method } = messageOf(request);
    return typeof method === 'string' && METHODS.has(method) ? `mcp.${method}` : undefined;
  };

/** Whether a request calls the tool that waits. */
export const waits =
  (tools: Tools) =>
  (request: FastifyRequest): boolean =>
    tools.waits(toolOf(request));
