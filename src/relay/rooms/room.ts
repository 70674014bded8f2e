import { CHALLENGE_LIFETIME_MS, CLOSE, challengeFrame, relayEventFrame } from '../frames/protocol.ts';
import { makePlace } from './pending.ts';
import {
  type Astation,
  type Effect,
  isExpired,
  isOpen,
  MAX_PENDING_PER_ADDRESS,
  MAX_PENDING_PER_ROOM,
  openIdentityRoom,
  type PendingPlace,
  type Refusal,
  type Room,
  type Send,
  type Transition,
  unlessDeserted,
  withAtem,
  withOwner,
  withPending,
} from './state.ts';

const NO_ROOM: Refusal = { status: 404, message: 'There is no room with this code.' };
const TAKEN: Refusal = {
  status: 409,
  message: 'An atem with this atem_id is connected by its session; connect by that session.',
};
const EXPIRED: Refusal = { status: 410, message: 'This pairing code has expired.' };

/** A new socket of an atem. */
export interface AtemArrival {
  /** Sanitised by `sanitizeAtemId`. */
  atemId: string;
  /** A new UUID, because released Astations ignore other ids. */
  connectionId: string;
  /** Fingerprint of the session it connected with; undefined if it connected with a code. */
  session?: string | undefined;
  now: number;
}

/** A new socket of an Astation. */
export interface AstationArrival {
  code: string;
  connectionId: string;
  address: string;
  /** From `createChallenge`, new for this socket. */
  challenge: string;
  /** Whether a key is registered for the code; the socket must then prove it first. */
  keyRegistered: boolean;
  /** Pending sockets of this address in all rooms, the oldest first. */
  pendingOfAddress: readonly PendingPlace[];
  now: number;
}

/** Why an atem may not join; undefined if it may. Call before the upgrade, while the answer can still be an HTTP status. */
export function refuseAtem(room: Room | undefined, now: number): Refusal | undefined {
  if (!isOpen(room)) return NO_ROOM;
  return isExpired(room, now) ? EXPIRED : undefined;
}

/** Why an Astation may not join; undefined if it may. Call before the upgrade. Joining creates a missing room. */
export function refuseAstation(room: Room | undefined, now: number): Refusal | undefined {
  return room && isExpired(room, now) ? EXPIRED : undefined;
}

/**
 * Adds an atem's socket, closes the atem's previous socket and announces only the new one. A socket that connected with a
 * session can only be replaced by one with the same session, because otherwise the code alone would suffice to replace it.
 */
export function joinAtem(room: Room | undefined, atem: AtemArrival): Transition {
  const refused = refuseAtem(room, atem.now);
  if (refused || !room) return turnAway(room, atem.connectionId, refused ?? NO_ROOM);
  const proven = room.proven.get(atem.atemId);
  if (proven !== undefined && proven !== atem.session) return turnAway(room, atem.connectionId, TAKEN);
  const previous = room.atems.get(atem.atemId);
  const effects: Effect[] = previous === undefined ? [] : [replaced(previous)];
  if (room.owner) effects.push(event(room.owner, [atem.atemId, atem.connectionId], 'connected'));
  return { room: withAtem(room, atem.atemId, atem), effects };
}

/**
 * Removes an atem's socket. A socket that was already replaced changes nothing and is not announced.
 */
export function leaveAtem(
  room: Room | undefined,
  atem: { atemId: string; connectionId: string },
): Transition {
  if (!room || room.atems.get(atem.atemId) !== atem.connectionId) return { room, effects: [] };
  const effects = room.owner ? [event(room.owner, [atem.atemId, atem.connectionId], 'disconnected')] : [];
  return { room: unlessDeserted(withAtem(room, atem.atemId, undefined)), effects };
}

/**
 * Adds an Astation's socket and sends it a challenge. Without a registered key it owns the room immediately and is notified
 * of the atems in it. With a registered key it is pending, which affects only older pending sockets.
 */
export function joinAstation(room: Room | undefined, arrival: AstationArrival): Transition {
  const refused = refuseAstation(room, arrival.now);
  if (refused) return turnAway(room, arrival.connectionId, refused);
  const entered = room ?? openIdentityRoom(arrival.code, arrival.now);
  const astation: Astation = {
    connectionId: arrival.connectionId,
    address: arrival.address,
    standing: arrival.keyRegistered ? 'pending' : 'legacy',
    challenge: arrival.challenge,
    challengeExpiresAt: arrival.now + CHALLENGE_LIFETIME_MS,
  };
  const challenge = send(arrival.connectionId, challengeFrame(arrival.challenge));
  if (arrival.keyRegistered) {
    const made = makePlace(entered, arrival.pendingOfAddress);
    const waiting = withPending(made.room, arrival.connectionId, astation);
    return { room: waiting, effects: [challenge, ...made.effects], elsewhere: made.elsewhere };
  }
  const taken = takeOver(entered, astation, arrival.now);
  return { room: taken.room, effects: [challenge, ...taken.effects] };
}

/** Removes an Astation's socket. The atems stay, see {@link Room}. A socket that was already replaced changes nothing. */
export function leaveAstation(
  room: Room | undefined,
  gone: { connectionId: string; now: number },
): Transition {
  if (!room) return { room, effects: [] };
  const left = withPending(room, gone.connectionId, undefined);
  const deserted = left.owner?.connectionId === gone.connectionId;
  return { room: unlessDeserted(deserted ? withOwner(left, undefined, gone.now) : left), effects: [] };
}

/** Makes an Astation the owner, notifies it of the atems in the room, and displaces the previous owner. */
export function takeOver(room: Room, astation: Astation, now: number): { room: Room; effects: Effect[] } {
  const known = [...room.atems].map((atem) => event(astation, atem, 'connected'));
  const free = withPending(withOwner(room, undefined, now), astation.connectionId, undefined);
  const displaced = room.owner ? displace(free, room.owner, now) : { room: free, effects: [] };
  return { room: withOwner(displaced.room, astation, now), effects: [...known, ...displaced.effects] };
}

/**
 * Displaces an owner that has lost its room. It becomes pending if it may still answer its challenge. When two sockets race
 * to register a code, the slower one thus receives a result instead of a closed socket.
 */
export function displace(room: Room, owner: Astation, now: number): { room: Room; effects: Effect[] } {
  const neighbours = [...room.pending.values()].filter((other) => other.address === owner.address);
  const mayWait =
    owner.standing === 'legacy' &&
    now < owner.challengeExpiresAt &&
    neighbours.length < MAX_PENDING_PER_ADDRESS &&
    room.pending.size < MAX_PENDING_PER_ROOM;
  return mayWait
    ? { room: withPending(room, owner.connectionId, { ...owner, standing: 'pending' }), effects: [] }
    : { room, effects: [replaced(owner.connectionId)] };
}

/** Queues a text frame. */
export const send = (connectionId: string, text: string): Send => ({ type: 'send', connectionId, text });

const replaced = (connectionId: string): Effect => ({
  type: 'close',
  connectionId,
  code: CLOSE.NORMAL,
  reason: 'replaced by a newer connection',
});

function event(owner: Astation, atem: readonly [string, string], name: 'connected' | 'disconnected'): Effect {
  const frame = relayEventFrame({ atem_id: atem[0], connection_id: atem[1], relay_event: name });
  return send(owner.connectionId, frame);
}

/** Closes a socket that the room accepted before the upgrade but no longer does. */
function turnAway(room: Room | undefined, connectionId: string, refused: Refusal): Transition {
  const close: Effect = { type: 'close', connectionId, code: CLOSE.POLICY, reason: refused.message };
  return { room, refused, effects: [close] };
}
