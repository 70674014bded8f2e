import type { BindingSource } from '../../access/source.ts';
import type { BindingStore, BindOutcome } from '../../session/binding-store.ts';
import { MAX_BOUND_SESSIONS } from '../../session/schema.ts';
import { type ControlFrame, isSessionId } from './protocol.ts';

/** A control frame about bindings. */
export type BindingRequest = Exclude<ControlFrame, { type: 'relayAuth' }>;

const NOT_BOUND: Record<Exclude<BindOutcome, 'bound'>, string> = {
  refused: 'another Astation holds this session, or it has ended',
  pending: 'this session is still pending; bind it once it is granted',
  full: `this Astation holds ${MAX_BOUND_SESSIONS} sessions already; unbind one first`,
};

/** Ids of a `relaySessions` set that one rate-limit point pays for. */
const IDS_A_POINT = 100;

/** Rate-limit points that a request costs as a frame. The rows it creates are counted separately. */
export const pointsOfRequest = (request: BindingRequest): number =>
  request.type === 'relaySessions' ? 1 + Math.floor(request.sessions.length / IDS_A_POINT) : 1;

/** The result of a request. `ended` holds the hashes (hexadecimal) of sessions that lost access. */
export interface BindingOutcome {
  /** Why the relay refused the request; absent if it succeeded. */
  refusal?: string;
  skipped?: number;
  ended: string[];
}

/**
 * Carries out a binding request of a verified Astation.
 * @throws RelayError from the store or from `from.countRows`
 */
export async function carryOutBinding(
  bindings: BindingStore,
  { astationId, from }: { astationId: string; from: BindingSource },
  request: BindingRequest,
): Promise<BindingOutcome> {
  switch (request.type) {
    case 'relaySessions': {
      const ids = request.sessions.filter(isSessionId);
      const { skipped, dropped } = await bindings.replace(astationId, ids, from);
      return { skipped: skipped + request.sessions.length - ids.length, ended: dropped };
    }
    case 'relayBind': {
      const outcome = await bindings.bind(astationId, request.session_id, from);
      return outcome === 'bound' ? { ended: [] } : { refusal: NOT_BOUND[outcome], ended: [] };
    }
    case 'relayUnbind':
      return { ended: await bindings.unbind(astationId, request.session_id, from) };
  }
}
