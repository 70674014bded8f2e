import { makeVaultRouter } from '../vault/router.ts';
import type { VaultInputs } from '../vault/schema.ts';
import type { VaultStore } from '../vault/store.ts';
import { router } from './trpc.ts';

export interface RouterDeps {
  vaults: VaultStore;
  vaultInputs: VaultInputs;
}

/** Every procedure of the server, by feature. */
export const makeAppRouter = ({ vaults, vaultInputs }: RouterDeps) =>
  router({
    vault: makeVaultRouter(vaults, vaultInputs),
  });

export type AppRouter = ReturnType<typeof makeAppRouter>;
