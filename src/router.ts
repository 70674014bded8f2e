import { type ActivityDeps, makeActivityProcedures } from './activity/operations.ts';
import { router } from './api/trpc.ts';
import { type KeyDeps, makeKeyProcedures } from './keys/operations.ts';
import { makeOperatorProcedures, type OperatorDeps } from './operator/operations.ts';
import { makePersonProcedures, type PeopleDeps } from './people/operations.ts';
import { makePairingProcedures, type PairingDeps } from './relay/operations.ts';
import { makeSessionAdminProcedures } from './session/admin/operations.ts';
import { makeSessionProcedures, type SessionDeps } from './session/operations.ts';
import type { VaultInputs } from './vault/inputs.ts';
import { makeReadProcedures } from './vault/read/operations.ts';
import { makeSearchProcedure } from './vault/search/operations.ts';
import type { VaultStore } from './vault/store.ts';
import { makeWriteProcedures } from './vault/write/operations.ts';

export interface RouterDeps
  extends ActivityDeps,
    SessionDeps,
    PairingDeps,
    OperatorDeps,
    KeyDeps,
    PeopleDeps {
  credentials: KeyDeps['credentials'] & PeopleDeps['credentials'];
  vaults: VaultStore;
  vaultInputs: VaultInputs;
  astations: SessionDeps['astations'] & OperatorDeps['astations'];
}

/** The calls on vaults. */
export const makeVaultRouter = (store: VaultStore, inputs: VaultInputs) =>
  router({ ...makeWriteProcedures(store, inputs), ...makeReadProcedures(store, inputs) });

/** Every call of the server, by feature. */
export const makeAppRouter = (deps: RouterDeps) =>
  router({
    vault: makeVaultRouter(deps.vaults, deps.vaultInputs),
    activity: makeActivityProcedures(deps),
    search: makeSearchProcedure(deps.vaults, deps.vaultInputs),
    session: router({ ...makeSessionProcedures(deps), ...makeSessionAdminProcedures(deps) }),
    key: makeKeyProcedures(deps),
    person: makePersonProcedures(deps),
    pairing: makePairingProcedures(deps),
    operator: makeOperatorProcedures(deps),
  });

export type AppRouter = ReturnType<typeof makeAppRouter>;
