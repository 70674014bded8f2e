import { TRPCClientError } from '@trpc/client';
import { createVaultRelayClient, type VaultRelayClient } from '../../src/client/index.ts';
import type { VaultEntry, VaultListItem, VaultMeta, WriteResult } from '../../src/vault/schema.ts';
import { checkedFetch } from './document.ts';

/** A REST answer, its body parsed. */
export interface Answer<Body = unknown> {
  status: number;
  headers: Headers;
  body: Body;
}

export interface RestOptions {
  session?: string | undefined;
  body?: unknown;
  headers?: Record<string, string>;
}

/** Sends one request unchanged, without validating it. @throws Error for an answer that is not documented */
export async function rest<Body = unknown>(
  method: string,
  url: string,
  { session, body, headers = {} }: RestOptions = {},
): Promise<Answer<Body>> {
  const response = await checkedFetch(url, {
    method,
    headers: {
      ...(session === undefined ? {} : { authorization: `session ${session}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: (text === '' ? undefined : JSON.parse(text)) as Body,
  };
}

interface RestCall {
  query?: string;
  body?: unknown;
  key?: string | undefined;
}

/** The body of a write; `key` goes as a header. */
export interface WriteFields {
  text: string;
  entry_id?: number;
  tags?: string[];
  expected_version?: number;
  key?: string;
}

/** The address of the next page, from `Link`. @throws Error for a `Link` of another form */
export function nextLink(headers: Headers): string | null {
  const link = headers.get('link');
  if (link === null) return null;
  const address = /^<([^<>]+)>; rel="next"$/.exec(link)?.[1];
  if (address === undefined) throw new Error(`The header Link is ${link}`);
  return address;
}

/** One caller on the REST surface, as atem calls it. */
export class RestVaults {
  readonly #base: string;
  readonly #session: string;
  readonly #query: string;

  constructor(base: string, { session, clientId }: { session: string; clientId: string }) {
    this.#base = `${base}/api/vault`;
    this.#session = session;
    this.#query = `id=${encodeURIComponent(clientId)}`;
  }

  #call<Body>(method: string, path: string, { query = '', body, key }: RestCall = {}) {
    return rest<Body>(method, `${this.#base}${path}?${this.#query}${query}`, {
      session: this.#session,
      body,
      headers: key === undefined ? {} : { 'idempotency-key': key },
    });
  }

  create = (summary: string, { key }: { key?: string } = {}) =>
    this.#call<{ vault_id: string }>('POST', '', { body: { summary }, key });
  list = (query = '') => this.#call<VaultListItem[]>('GET', '', { query });
  read = (vaultId: string, query = '') => this.#call<VaultEntry[]>('GET', `/${vaultId}`, { query });
  meta = (vaultId: string) => this.#call<VaultMeta>('GET', `/${vaultId}/meta`);
  write = (vaultId: string, { key, ...body }: WriteFields) =>
    this.#call<WriteResult>('POST', `/${vaultId}`, { body, key });
  append = (vaultId: string, text: string) => this.write(vaultId, { text });
  override = (vaultId: string, entryId: number, text: string) =>
    this.write(vaultId, { text, entry_id: entryId });
  setSummary = (
    vaultId: string,
    text: string,
    { key, ...more }: { key?: string; expected_summary_version?: number } = {},
  ) => this.#call<Record<string, never>>('POST', `/${vaultId}/summary`, { body: { text, ...more }, key });
  removeWriter = (vaultId: string, clientId: string) =>
    this.#call<{ removed: boolean }>('DELETE', `/${vaultId}/writers/${encodeURIComponent(clientId)}`);

  /** Requests the target of a `Link`. */
  follow = <Body>(link: string) =>
    rest<Body>('GET', new URL(link, this.#base).href, { session: this.#session });
}

/** One caller on the tRPC surface. */
export const trpcClient = (url: string, who: { session: string; clientId: string }): VaultRelayClient =>
  createVaultRelayClient({ url, ...who, fetch: checkedFetch });

/** @returns the tRPC code and HTTP status that a call is refused with */
export async function trpcRefusal(
  call: Promise<unknown>,
): Promise<{ code: string; status: number; message: string }> {
  try {
    await call;
  } catch (error) {
    if (error instanceof TRPCClientError && error.data) {
      return { code: error.data.code, status: error.data.httpStatus, message: error.message };
    }
    throw error;
  }
  throw new Error('The call was not refused');
}
