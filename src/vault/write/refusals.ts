import { type CurrentVersion, conflict, forbidden, notFound, type RelayError } from '../../errors.ts';
import { foreignVault, noVault, readOnlyVault } from '../refused-access.ts';
import type { RefusedOutcome } from './outcomes.ts';

/** What a refused write was about. */
export interface RefusedWrite {
  vaultId: string;
  entryNo?: number | undefined;
  expected?: number | undefined;
  current: CurrentVersion | null;
}

export const keyReused = () =>
  conflict('This idempotency key was used for another request; use a fresh key for each new write.');

function movedOn({ vaultId, expected, current }: RefusedWrite): RelayError {
  const what =
    current?.entry_no === 0
      ? `The summary of vault ${vaultId}`
      : `Entry ${current?.entry_no} of vault ${vaultId}`;
  return conflict(
    `${what} is at version ${current?.version}, not ${expected}; merge with the current version.`,
    current ? { current } : {},
  );
}

/** How each outcome of `write_to_vaults` that wrote nothing is said. */
export const REFUSALS = {
  no_vault: ({ vaultId }) => noVault(vaultId),
  forbidden: ({ vaultId }) => foreignVault(vaultId),
  past_writer: ({ vaultId }) => readOnlyVault(vaultId),
  no_entry: ({ vaultId, entryNo }) => notFound(`Vault ${vaultId} has no entry ${entryNo}.`),
  conflict: movedOn,
  key_reused: keyReused,
  entries_full: ({ vaultId }) =>
    forbidden(`Vault ${vaultId} holds the maximum number of entries; override one, or create another vault.`),
  bytes_full: ({ vaultId }) =>
    forbidden(`Vault ${vaultId} holds the maximum number of bytes; create another vault.`),
} as const satisfies Record<RefusedOutcome, (refused: RefusedWrite) => RelayError>;

/** A newer version of the program may have replaced the function. */
export const unknownOutcome = (name: string, outcome: string | undefined) =>
  new Error(`The function ${name} answered with an outcome that this version does not know: ${outcome}`);
