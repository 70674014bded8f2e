import type { z } from 'zod';
import type { Who } from '../../src/api/operation.ts';
import { readConfig } from '../../src/config.ts';
import { makeAppRouter, type RouterDeps } from '../../src/router.ts';
import { listRestRoutes } from '../../src/surfaces/rest/routes.ts';
import { makeVaultInputs } from '../../src/vault/inputs.ts';
import { JSON_BODY } from './surfaces.ts';

export interface Procedure {
  _def: {
    type: 'query' | 'mutation' | 'subscription';
    inputs: readonly z.ZodType[];
  };
  meta: { who: Who };
}

const { limits } = readConfig({});
const router = makeAppRouter({
  vaultInputs: makeVaultInputs(limits),
  maxClientIdCharacters: limits.clientIdCharacters,
} as RouterDeps);

/** Every call of the server. */
export const procedures = Object.entries(router._def.procedures as unknown as Record<string, Procedure>);
const restRoutes = new Map(listRestRoutes(router).map((route) => [route.name, route]));

export type Fields = Record<string, unknown>;

/** @returns the fields of a call's input that must be there, by the values of `known` @throws Error for a field that has none */
export function inputOf({ _def: { inputs } }: Procedure, known: Readonly<Fields>): Fields {
  const [schema] = inputs;
  const shape = (schema as { shape?: Record<string, z.ZodType> } | undefined)?.shape ?? {};
  const needed = Object.entries(shape).filter(([, field]) => !field.safeParse(undefined).success);
  return Object.fromEntries(
    needed.map(([name]) => {
      if (!Object.hasOwn(known, name)) throw new Error(`Give the field ${name} a value in this test.`);
      return [name, known[name]];
    }),
  );
}

export interface Answer {
  /** Of a subscription that of its first event. */
  status: number;
  challenge: string | null;
  text: string;
}

/** How a call is made. */
export interface Sent {
  authorization: string | undefined;
  /** Values of `?id=`. */
  ids: string[];
  input: Fields;
  /** Causes an event of a subscription that has begun; left out where none may begin. */
  change?: (() => Promise<unknown>) | undefined;
}

export type Face = (base: string, sent: Sent) => Promise<Answer>;

const queryOf = (ids: string[], more: Record<string, string> = {}) =>
  new URLSearchParams([...ids.map((id): [string, string] => ['id', id]), ...Object.entries(more)]).toString();

const headersOf = (authorization: string | undefined) =>
  authorization === undefined ? {} : { authorization };

async function send(url: string, init: RequestInit): Promise<Answer> {
  const answer = await fetch(url, init);
  const text = await answer.text();
  return { status: answer.status, challenge: answer.headers.get('www-authenticate'), text };
}

/** Reads a stream until its first event, or the refusal that ends it. */
async function sendSubscription(url: string, init: RequestInit, change: Sent['change']): Promise<Answer> {
  const leaving = new AbortController();
  const answer = await fetch(url, { ...init, signal: leaving.signal });
  let [text, changed] = ['', false];
  for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    const events = text.split('\n\n').filter((event) => /^\s*data: /.test(event));
    if (events.length > 0) break;
    if (change && !changed && text.includes('event: connected')) {
      changed = true;
      await change();
    }
  }
  leaving.abort();
  const refusal = /event: serialized-error\ndata: (.*)/.exec(text)?.[1];
  if (refusal === undefined) return { status: answer.status, challenge: null, text };
  const { data } = JSON.parse(refusal) as { data: { httpStatus: number } };
  // The stream has begun by then, and so carries no challenge.
  return { status: data.httpStatus, challenge: data.httpStatus === 401 ? 'Bearer' : null, text };
}

/** Every way to make a call. */
export function facesOf(name: string, { _def: { type } }: Procedure): [face: string, face: Face][] {
  const trpc =
    (path: string, spell: (input: Fields) => unknown, more: Record<string, string> = {}): Face =>
    (base, { authorization, ids, input: fields, change }) => {
      const input = JSON.stringify(spell(fields));
      const headers = headersOf(authorization);
      if (type === 'mutation')
        return send(`${base}/trpc/${path}?${queryOf(ids, more)}`, {
          method: 'POST',
          headers: { ...headers, ...JSON_BODY },
          body: input,
        });
      const address = `${base}/trpc/${path}?${queryOf(ids, { ...more, input })}`;
      return type === 'query' ? send(address, { headers }) : sendSubscription(address, { headers }, change);
    };
  const faces: [string, Face][] = [['tRPC', trpc(name, (input) => input)]];
  if (type !== 'subscription')
    faces.push([
      'tRPC in a batch',
      trpc(`${name},${name}`, (input) => ({ 0: input, 1: input }), { batch: '1' }),
    ]);
  const route = restRoutes.get(name);
  if (!route) return faces;
  const rest =
    (method: string): Face =>
    (base, { authorization, ids, input: { ...fields } }) => {
      const path = route.url.replace(/:(\w+)/g, (_, field) => {
        const value = String(fields[field]);
        delete fields[field];
        return encodeURIComponent(value);
      });
      const isRead = method === 'GET' || method === 'HEAD';
      const query = queryOf(ids, isRead ? (fields as Record<string, string>) : {});
      return send(`${base}${path}?${query}`, {
        method,
        headers: { ...headersOf(authorization), ...(isRead ? {} : JSON_BODY) },
        ...(isRead ? {} : { body: JSON.stringify(fields) }),
      });
    };
  faces.push(['REST', rest(route.openapi.method)]);
  if (route.head) faces.push(['REST by HEAD', rest('HEAD')]);
  return faces;
}
