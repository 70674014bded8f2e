import type { AnyRouter } from '@trpc/server';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Operation } from '../../api/operation.ts';

/** Decides which values of a parameter the log may contain. */
export interface LoggableValue {
  test(value: string): boolean;
}

export type LoggableFields = ReadonlyMap<string, LoggableValue>;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Path and query parameters of this route that the log may contain. All others are redacted. */
    loggable?: LoggableFields;
  }
}

const VAULT_ID = /^v-[0-9A-Za-z]{1,64}$/;

/** Fields that never hold a secret, each with the pattern of its valid values. */
const OPEN_FIELDS: ReadonlyMap<string, LoggableValue> = new Map<string, LoggableValue>([
  ['vault_id', VAULT_ID],
  ['since', /^\d{1,20}$/],
  ['history', /^(true|false)$/],
  ['details', /^(true|false)$/],
  ['kind', /^(content|summary|all)$/],
  ['as_of', /^\d{1,20}$/],
  ['entry_id', /^\d{1,10}$/],
  ['limit', /^\d{1,4}$/],
  ['wait', /^\d{1,2}$/],
  // The cursor of a page of entries. The cursor of a page of vaults is redacted.
  ['cursor', /^\d{1,16}\.\d{1,16}$/],
]);

/** Further query parameters whose names the log may contain. Their values are always redacted. */
const CLOSED_FIELDS: ReadonlySet<string> = new Set(
  'id session code input q writer tag otp token atem_id lastEventId connectionParams'.split(' '),
);

/** The first path segments of this server's URLs. */
const FIRST_WORDS: ReadonlySet<string> = new Set(
  'api trpc mcp ws health metrics docs app assets auth pair'.split(' '),
);

const REDACTED = '[redacted]';

/** @returns the fields of an operation's input that the log may contain */
export function loggableFieldsOf({ input }: Operation): LoggableFields {
  if (!input) return new Map();
  const { properties = {} } = z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' });
  return new Map([...OPEN_FIELDS].filter(([field]) => Object.hasOwn(properties, field)));
}

/** @returns the loggable parameters of `/trpc/:path`: the names of one or several procedures */
export function loggableBatchOf(router: AnyRouter): LoggableFields {
  const isKnown = (name: string) => Object.hasOwn(router._def.procedures, name);
  return new Map<string, LoggableValue>([
    ['path', { test: (path) => path.split(',').every(isKnown) }],
    ['batch', /^1$/],
  ]);
}

function shownValue(loggable: LoggableFields | undefined, name: string, value: unknown): string {
  const isOpen = typeof value === 'string' && loggable?.get(name)?.test(value);
  return isOpen ? value : REDACTED;
}

/** The loggable path of a request without a route: at most its first segment, if that is known. */
function pathOfUnknown(url: string): string {
  const [, first = '', ...rest] = url.split('?', 1)[0]?.split('/', 3) ?? [];
  if (!FIRST_WORDS.has(first)) return `/${REDACTED}`;
  return rest.length === 0 ? `/${first}` : `/${first}/${REDACTED}`;
}

/** The path of a request in the spelling of its route, with the parameters that the route allows in a log. */
export function loggablePath({ url, params, routeOptions }: FastifyRequest): string {
  const { url: pattern, config } = routeOptions;
  if (pattern === undefined) return pathOfUnknown(url);
  return pattern.replace(/:(\w+)|\*/g, (_, name?: string) =>
    name === undefined
      ? REDACTED
      : shownValue(config.loggable ?? OPEN_FIELDS, name, (params as Fields)[name]),
  );
}

type Fields = Record<string, unknown>;

function loggableQuery({ query, params, routeOptions }: FastifyRequest): string {
  const { url, config } = routeOptions;
  if (url === undefined) return REDACTED;
  const pairs = new Set<string>();
  for (const [name, value] of Object.entries((query ?? {}) as Fields)) {
    // A path parameter in the query is not part of the query's schema.
    const loggable = Object.hasOwn((params ?? {}) as Fields, name) ? undefined : config.loggable;
    const isNamed = CLOSED_FIELDS.has(name) || loggable?.has(name);
    pairs.add(isNamed ? `${name}=${shownValue(loggable, name, value)}` : REDACTED);
  }
  return [...pairs].join('&');
}

/**
 * The URL of a request with everything redacted that the route does not allow in a log. Ids of sessions, rooms and
 * clients, codes, tokens and texts are always redacted, and so is everything that no route knows.
 */
export function loggableUrl(request: FastifyRequest): string {
  const path = loggablePath(request);
  return request.url.includes('?') ? `${path}?${loggableQuery(request)}` : path;
}
