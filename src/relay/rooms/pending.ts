import { CLOSE, DISPLACED } from '../frames/protocol.ts';
import {
  type Astation,
  type Effect,
  MAX_PENDING_PER_ADDRESS,
  MAX_PENDING_PER_ROOM,
  type PendingPlace,
  type Room,
  type Transition,
  unlessDeserted,
  withPending,
} from './state.ts';

/** What has to go so that one more socket can wait to prove a room's key. */
export interface MadePlace {
  room: Room;
  effects: Effect[];
  /** Sockets of the address that have to leave other rooms. */
  elsewhere: PendingPlace[];
}

/**
 * Makes place for one more pending socket. Nobody is turned away for want of a place, because strangers can fill them
 * all: the oldest sockets of the address go first, then the oldest of the address that has the most in the room. A socket
 * that has just come keeps its chance to prove the key, see `Connections.spare`.
 * @param ofAddress pending sockets of the newcomer's address, whatever their rooms, the oldest first
 */
export function makePlace(room: Room, ofAddress: readonly PendingPlace[]): MadePlace {
  const surplus = ofAddress.slice(0, Math.max(0, ofAddress.length - MAX_PENDING_PER_ADDRESS + 1));
  const effects: Effect[] = [];
  let left = room;
  const displace = (connectionId: string) => {
    left = withPending(left, connectionId, undefined);
    effects.push(displaced(connectionId));
  };
  for (const { code, connectionId } of surplus) {
    if (code === room.code && room.pending.has(connectionId)) displace(connectionId);
  }
  while (left.pending.size >= MAX_PENDING_PER_ROOM) displace(oldestOfMost(left).connectionId);
  return { room: left, effects, elsewhere: surplus.filter(({ code }) => code !== room.code) };
}

/** A socket has to leave the room that it waits in, because its address has newer ones in others. */
export function displacePending(room: Room | undefined, connectionId: string): Transition {
  if (!room?.pending.has(connectionId)) return { room, effects: [] };
  return {
    room: unlessDeserted(withPending(room, connectionId, undefined)),
    effects: [displaced(connectionId)],
  };
}

/** The oldest socket of the address that has the most; a time at which a challenge ends tells the age. */
function oldestOfMost(room: Room): Astation {
  const waiting = [...room.pending.values()];
  const counts = new Map<string, number>();
  for (const { address } of waiting) counts.set(address, (counts.get(address) ?? 0) + 1);
  const countOf = ({ address }: Astation) => counts.get(address) ?? 0;
  return waiting.reduce((first, other) => {
    const more = countOf(other) - countOf(first);
    return more > 0 || (more === 0 && other.challengeExpiresAt < first.challengeExpiresAt) ? other : first;
  });
}

const displaced = (connectionId: string): Effect => ({
  type: 'close',
  connectionId,
  code: CLOSE.TRY_AGAIN,
  reason: DISPLACED,
});
