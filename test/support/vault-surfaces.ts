import { TRPCClientError } from '@trpc/client';
import type { VaultEntry, VaultListItem, WriteResult } from '../../src/vault/schema.ts';
import { type Answer, RestVaults, trpcClient } from './client.ts';

/** What a call came to, the same for both surfaces. */
export type Result<T> = { status: number; value?: T };

/** The calls on vaults, whichever surface they go by. */
export interface Surface {
  create(summary: string): Promise<Result<{ vault_id: string }>>;
  list(): Promise<Result<VaultListItem[]>>;
  read(vaultId: string, options: { since?: number; history?: boolean }): Promise<Result<VaultEntry[]>>;
  append(vaultId: string, text: string): Promise<Result<WriteResult>>;
  override(vaultId: string, entryNo: number, text: string): Promise<Result<WriteResult>>;
  setSummary(vaultId: string, text: string): Promise<Result<Record<string, never>>>;
}

type Who = { session: string; clientId: string };

const fromRest = async <T>(answer: Promise<Answer<T>>): Promise<Result<T>> => {
  const { status, body } = await answer;
  return status === 200 ? { status, value: body } : { status };
};

export function restSurface(base: string, who: Who): Surface {
  const vaults = new RestVaults(base, who);
  return {
    create: (summary) => fromRest(vaults.create(summary)),
    list: () => fromRest(vaults.list()),
    read: (vaultId, options) => {
      const query = Object.entries(options).map(([name, value]) => `&${name}=${value}`);
      return fromRest(vaults.read(vaultId, query.join('')));
    },
    append: (vaultId, text) => fromRest(vaults.append(vaultId, text)),
    override: (vaultId, entryNo, text) => fromRest(vaults.override(vaultId, entryNo, text)),
    setSummary: (vaultId, text) => fromRest(vaults.setSummary(vaultId, text)),
  };
}

const fromTrpc = async <T>(call: Promise<T>): Promise<Result<T>> => {
  try {
    return { status: 200, value: await call };
  } catch (error) {
    if (error instanceof TRPCClientError && error.data) return { status: error.data.httpStatus };
    throw error;
  }
};

export function trpcSurface(base: string, who: Who): Surface {
  const { vault } = trpcClient(base, who);
  return {
    create: (summary) => fromTrpc(vault.create.mutate({ summary })),
    list: () => fromTrpc(vault.list.query()),
    read: (vault_id, options) => fromTrpc(vault.read.query({ vault_id, ...options })),
    append: (vault_id, text) => fromTrpc(vault.append.mutate({ vault_id, text })),
    override: (vault_id, entry_id, text) => fromTrpc(vault.override.mutate({ vault_id, entry_id, text })),
    setSummary: (vault_id, text) => fromTrpc(vault.setSummary.mutate({ vault_id, text })),
  };
}
