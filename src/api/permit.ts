import type { Scope } from '../access/credential.ts';
import { type Caller, isOperator } from '../access/policy.ts';
import { RelayError } from '../errors.ts';
import type { Callers, Who } from './operation.ts';

/** What a call demands of the credential of its caller. */
export interface Demands {
  scope: Scope;
  /** Whether a session may make the call although it lacks the scope. */
  openToSessions?: true;
  /** Whether the call shows a caller with a list of vaults nothing of other vaults, although its input names none. */
  acrossVaults?: true;
}

/**
 * Checks the scopes and the vaults of a caller. Every call of every surface runs this check, after its input was read and
 * before it does anything. An operator has no scopes: `who` says what is for operators.
 * @throws RelayError `FORBIDDEN`
 */
export function permit(demands: Demands, caller: Callers[Who], input: unknown): void {
  if (caller === undefined || 'visitor' in caller || isOperator(caller)) return;
  checkScope(demands, caller);
  checkVault(demands, caller, input);
}

function checkScope({ scope, openToSessions }: Demands, { kind, scopes = [] }: Caller): void {
  if (scopes.includes(scope) || (openToSessions && kind === 'session')) return;
  const lacking = kind === 'key' ? 'this key lacks. Create a key with it' : 'this credential lacks';
  throw new RelayError('FORBIDDEN', `This call needs the scope ${scope}, which ${lacking}.`, {
    refusal: 'MISSING_SCOPE',
  });
}

function checkVault({ acrossVaults }: Demands, { vaults }: Caller, input: unknown): void {
  if (vaults === undefined) return;
  const { vault_id: vaultId } = (input ?? {}) as { vault_id?: unknown };
  if (vaultId === undefined ? acrossVaults : vaults.includes(vaultId as string)) return;
  const reason =
    vaultId === undefined
      ? 'This key is for some vaults only, and this call is not about one of them.'
      : `This key is not for vault ${vaultId}.`;
  throw new RelayError('FORBIDDEN', reason, { refusal: 'OTHER_VAULT' });
}
