import { router } from '../api/trpc.ts';
import type { VaultInputs } from './inputs.ts';
import { makeReadProcedures } from './read-operations.ts';
import type { VaultStore } from './store.ts';
import { makeWriteProcedures } from './write-operations.ts';

/** The calls on vaults. */
export const makeVaultRouter = (store: VaultStore, inputs: VaultInputs) =>
  router({ ...makeWriteProcedures(store, inputs), ...makeReadProcedures(store, inputs) });
