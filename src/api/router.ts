import { makeOperatorRouter, type OperatorDeps } from '../operator/router.ts';
import { makePairingRouter, type PairingDeps } from '../relay/router.ts';
import { makeSessionRouter, type SessionRouterDeps } from '../session/router.ts';
import type { VaultInputs } from '../vault/inputs.ts';
import { makeVaultRouter } from '../vault/router.ts';
import type { VaultStore } from '../vault/store.ts';
import { router } from './trpc.ts';

export interface RouterDeps extends SessionRouterDeps, PairingDeps, OperatorDeps {
  vaults: VaultStore;
  vaultInputs: VaultInputs;
  astations: SessionRouterDeps['astations'];
}

/** Every procedure of the server, by feature. */
export const makeAppRouter = (deps: RouterDeps) =>
  router({
    vault: makeVaultRouter(deps.vaults, deps.vaultInputs),
    session: makeSessionRouter(deps),
    pairing: makePairingRouter(deps),
    operator: makeOperatorRouter(deps),
  });

export type AppRouter = ReturnType<typeof makeAppRouter>;
