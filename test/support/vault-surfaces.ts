import { TRPCClientError } from '@trpc/client';
import type { Caller } from '../../src/access/policy.ts';
import { type CurrentVersion, ERROR_FACES, findRelayError } from '../../src/errors.ts';
import type { VaultEntry, VaultListItem, VaultMeta, WriteResult } from '../../src/vault/schema.ts';
import { type Answer, nextLink, RestVaults, trpcClient } from './client.ts';
import type { TestStore } from './store.ts';

/** The outcome of a call, the same for every surface. */
export interface Result<T> {
  status: number;
  value?: T;
  /** The current version, where the call expected another one. */
  current?: CurrentVersion;
  /** Only REST and the store set this. */
  replayed?: boolean;
}

export interface ListQuery {
  q?: string;
  writer?: string;
  tag?: string;
  details?: boolean;
  limit?: number;
  cursor?: string;
}

export interface ReadQuery {
  since?: number;
  history?: boolean;
  kind?: 'content' | 'summary' | 'all';
  as_of?: number;
  entry_id?: number;
  q?: string;
  writer?: string;
  tag?: string;
  limit?: number;
  cursor?: string;
  wait?: number;
}

export interface ReadPage {
  entries: VaultEntry[];
  head: number;
  headHash: string;
  next: string | null;
}

export interface ListPage {
  vaults: VaultListItem[];
  next: string | null;
}

export interface WriteOptions {
  tags?: string[];
  key?: string;
}

export interface OverrideOptions extends WriteOptions {
  text: string;
  expected?: number;
}

/** The calls on vaults, independent of the surface. */
export interface Surface {
  create(summary: string, options?: { key?: string }): Promise<Result<{ vault_id: string }>>;
  list(query?: ListQuery): Promise<Result<ListPage>>;
  read(vaultId: string, query?: ReadQuery): Promise<Result<ReadPage>>;
  meta(vaultId: string): Promise<Result<VaultMeta>>;
  append(vaultId: string, text: string, options?: WriteOptions): Promise<Result<WriteResult>>;
  override(vaultId: string, entryNo: number, options: OverrideOptions): Promise<Result<WriteResult>>;
  setSummary(
    vaultId: string,
    text: string,
    options?: { expected?: number; key?: string },
  ): Promise<Result<Record<string, never>>>;
  removeWriter(vaultId: string, clientId: string): Promise<Result<{ removed: boolean }>>;
}

export type Who = { session: string; clientId: string };

/** @returns the value. @throws Error for a refused call */
export async function demand<T>(call: Promise<Result<T>>): Promise<T> {
  const { status, value } = await call;
  if (value === undefined) throw new Error(`Refused with ${status}`);
  return value;
}

/** Removes undefined fields, so that they are absent and not null. */
const given = <T extends object>(fields: T) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;

const toQuery = (query: object) =>
  Object.entries(query)
    .map(([name, value]) => `&${name}=${encodeURIComponent(String(value))}`)
    .join('');

async function fromRest<Body, T = Body>(
  call: Promise<Answer<Body>>,
  read: (answer: Answer<Body>) => T = ({ body }) => body as unknown as T,
): Promise<Result<T>> {
  const answer = await call;
  const { status, headers, body } = answer;
  const replayed = headers.get('idempotent-replayed');
  if (status !== 200)
    return given({ status, current: (body as { current?: CurrentVersion }).current }) as Result<T>;
  return { status, value: read(answer), ...(replayed !== null && { replayed: replayed === 'true' }) };
}

const cursorOf = ({ headers }: Answer): string | null => {
  const link = nextLink(headers);
  return link && new URL(link, 'http://any').searchParams.get('cursor');
};

/** The calls as atem makes them. */
export function restSurface(base: string, who: Who): Surface {
  const vaults = new RestVaults(base, who);
  return {
    create: (summary, options) => fromRest(vaults.create(summary, options)),
    list: (query = {}) =>
      fromRest(vaults.list(toQuery(query)), (answer) => ({ vaults: answer.body, next: cursorOf(answer) })),
    read: (vaultId, query = {}) =>
      fromRest(vaults.read(vaultId, toQuery(query)), (answer) => ({
        entries: answer.body,
        head: Number(answer.headers.get('x-vault-head')),
        headHash: answer.headers.get('x-vault-head-hash') ?? '',
        next: cursorOf(answer),
      })),
    meta: (vaultId) => fromRest(vaults.meta(vaultId)),
    append: (vaultId, text, options) => fromRest(vaults.write(vaultId, { text, ...options })),
    override: (vaultId, entry_id, { expected, ...options }) =>
      fromRest(
        vaults.write(vaultId, {
          entry_id,
          ...options,
          ...(expected !== undefined && { expected_version: expected }),
        }),
      ),
    setSummary: (vaultId, text, { expected, ...options } = {}) =>
      fromRest(
        vaults.setSummary(vaultId, text, {
          ...options,
          ...(expected !== undefined && { expected_summary_version: expected }),
        }),
      ),
    removeWriter: (vaultId, clientId) => fromRest(vaults.removeWriter(vaultId, clientId)),
  };
}

async function fromTrpc<Data, T = Data>(
  call: Promise<Data>,
  read: (data: Data) => T = (data) => data as unknown as T,
): Promise<Result<T>> {
  try {
    return { status: 200, value: read(await call) };
  } catch (error) {
    if (!(error instanceof TRPCClientError) || !error.data) throw error;
    return given({ status: error.data.httpStatus, current: error.data.current }) as Result<T>;
  }
}

/** The calls as a typed client makes them. */
export function trpcSurface(base: string, who: Who): Surface {
  const { vault } = trpcClient(base, who);
  return {
    create: (summary, { key } = {}) =>
      fromTrpc(vault.create.mutate(given({ summary, idempotency_key: key }))),
    list: (query) =>
      fromTrpc(vault.listPage.query(query), ({ vaults, next_cursor: next }) => ({ vaults, next })),
    read: (vault_id, query = {}) =>
      fromTrpc(
        vault.readPage.query({ vault_id, ...query }),
        ({ head_hash: headHash, next_cursor: next, ...page }) => ({ ...page, headHash, next }),
      ),
    meta: (vault_id) => fromTrpc(vault.meta.query({ vault_id })),
    append: (vault_id, text, { key, ...options } = {}) =>
      fromTrpc(vault.append.mutate(given({ vault_id, text, idempotency_key: key, ...options }))),
    override: (vault_id, entry_id, { key, expected, ...options }) =>
      fromTrpc(
        vault.override.mutate(
          given({ vault_id, entry_id, idempotency_key: key, expected_version: expected, ...options }),
        ),
      ),
    setSummary: (vault_id, text, { key, expected } = {}) =>
      fromTrpc(
        vault.setSummary.mutate(
          given({ vault_id, text, idempotency_key: key, expected_summary_version: expected }),
        ),
      ),
    removeWriter: (vault_id, client_id) => fromTrpc(vault.removeWriter.mutate({ vault_id, client_id })),
  };
}

async function fromStore<Data extends object, T>(
  call: Promise<Data>,
  read: (data: Data) => T,
): Promise<Result<T>> {
  try {
    const data = await call;
    const replayed = 'replayed' in data && data.replayed === true;
    return { status: 200, value: read(data), ...(replayed && { replayed }) };
  } catch (thrown) {
    const refused = findRelayError(thrown);
    if (!refused) throw thrown;
    const { code, details } = refused;
    const { current } = details;
    return given({ status: ERROR_FACES[code].status, current }) as Result<T>;
  }
}

/** Calls the store directly, without HTTP. */
export function storeSurface(store: TestStore, caller: Caller): Surface {
  const place = ({ entry_no, version, seq }: WriteResult) => ({ entry_no, version, seq });
  return {
    create: (summary, { key } = {}) =>
      fromStore(store.create(caller, summary, key), ({ vault_id }) => ({ vault_id })),
    list: (query) =>
      fromStore(store.list(caller, query), ({ vaults, nextCursor: next }) => ({ vaults, next })),
    read: (vaultId, query) =>
      fromStore(store.readPage(caller, vaultId, query), ({ entries, head, headHash, nextCursor: next }) => ({
        entries,
        head,
        headHash,
        next,
      })),
    meta: (vaultId) => fromStore(store.meta(caller, vaultId), (meta) => meta),
    append: (vaultId, text, options) =>
      fromStore(store.write(caller, { op: 'append', vaultId, text, ...options }), place),
    override: (vaultId, entryNo, options) =>
      fromStore(store.write(caller, { op: 'override', vaultId, entryNo, ...options }), place),
    setSummary: (vaultId, text, options) =>
      fromStore(store.write(caller, { op: 'summary', vaultId, text, ...options }), () => ({})),
    removeWriter: (vaultId, clientId) =>
      fromStore(
        store.removeWriter(caller, vaultId, clientId).then((removed) => ({ removed })),
        (answer) => answer,
      ),
  };
}
