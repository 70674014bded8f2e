import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as ClientOfV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportOfV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { onTestFinished } from 'vitest';
import { REFUSAL_META } from '../../src/surfaces/mcp/refusal.ts';

/** How the tests connect: by each official client, in each era that it has. */
export const ERAS = ['v2, 2026-07-28', 'v2, initialize', 'v1, initialize'] as const;
export type EraName = (typeof ERAS)[number];

const REVISION = '2026-07-28';
const META = 'io.modelcontextprotocol';

/** The result of a tool, in terms of this server. */
export interface ToolResult {
  isError: boolean;
  text: string;
  structured: Record<string, unknown> | undefined;
  /** Of a refusal. */
  error: { code: string; message: string; current?: { version: number; content: string } } | undefined;
}

interface RawResult {
  isError?: boolean | undefined;
  content?: unknown;
  structuredContent?: unknown;
  _meta?: Record<string, unknown> | undefined;
}

export function readResult(result: RawResult): ToolResult {
  const texts = (result.content ?? []) as { type: string; text: string }[];
  return {
    isError: result.isError === true,
    text: texts.map(({ text }) => text).join('\n'),
    structured: result.structuredContent as ToolResult['structured'],
    error: result._meta?.[REFUSAL_META] as ToolResult['error'],
  };
}

export interface Access {
  url: string;
  /** A session or a key. */
  secret: string;
  /** Left out for a key. */
  clientId?: string;
  fetch?: typeof fetch;
}

const addressOf = ({ url, clientId }: Access) =>
  new URL(`/mcp${clientId === undefined ? '' : `?id=${encodeURIComponent(clientId)}`}`, url);

const optionsOf = ({ secret, fetch }: Access) => ({
  requestInit: { headers: { authorization: `Bearer ${secret}` } },
  ...(fetch && { fetch }),
});

/** An official client, not yet connected. Its methods are the same in both versions. */
export const makeClient = (era: EraName = ERAS[0]): Client => {
  const info = { name: 'test', version: '1' };
  if (era === 'v1, initialize') return new ClientOfV1(info) as unknown as Client;
  const mode = era === 'v2, initialize' ? 'legacy' : { pin: REVISION };
  return new Client(info, { versionNegotiation: { mode } });
};

/** An official client that is connected until the test ends. */
export async function connect(access: Access, era: EraName = ERAS[0]): Promise<Client> {
  const client = makeClient(era);
  const Transport = era === 'v1, initialize' ? TransportOfV1 : StreamableHTTPClientTransport;
  await client.connect(new Transport(addressOf(access), optionsOf(access)) as StreamableHTTPClientTransport);
  onTestFinished(() => client.close());
  return client;
}

type Args = Record<string, unknown>;

/** Calls a tool. @throws the client's error for an error of the protocol or of HTTP */
export const callTool = async (client: Client, name: string, args: Args = {}): Promise<ToolResult> =>
  readResult((await client.callTool({ name, arguments: args })) as RawResult);

/** Calls a tool that must succeed. @returns its structured answer */
export async function demandTool<T = Record<string, unknown>>(
  client: Client,
  name: string,
  args: Args = {},
): Promise<T> {
  const { isError, text, structured } = await callTool(client, name, args);
  if (isError) throw new Error(text);
  return structured as T;
}

let lastId = 0;

/** A message of the era that begins with `initialize`, which needs no envelope. */
export const rawCall = (name: string, args: unknown) => ({
  jsonrpc: '2.0',
  id: ++lastId,
  method: 'tools/call',
  params: { name, arguments: args },
});

/** A message of the modern era, and the headers that repeat it. */
export function modernCall(name: string, args: unknown) {
  const { params, ...message } = rawCall(name, args);
  const _meta = {
    [`${META}/protocolVersion`]: REVISION,
    [`${META}/clientInfo`]: { name: 'test', version: '1' },
    [`${META}/clientCapabilities`]: {},
  };
  const headers: Record<string, string> = {
    'mcp-protocol-version': REVISION,
    'mcp-method': message.method,
    'mcp-name': name,
  };
  return { body: { ...message, params: { ...params, _meta } }, headers };
}

/** Posts to `/mcp` without an official client. */
export const post = (access: Access, body: unknown, headers: Record<string, string> = {}) =>
  fetch(addressOf(access), {
    method: 'POST',
    headers: {
      authorization: `Bearer ${access.secret}`,
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
