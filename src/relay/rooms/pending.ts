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

/** The result of displacing pending sockets in favour of a new one. */
export interface MadePlace {
  room: Room;
  effects: Effect[];
  /** Sockets of the same address that must leave other rooms. */
  elsewhere: PendingPlace[];
}

/**
 * Makes room for one more pending socket. New sockets displace old ones instead of being refused, because any client can
 * fill all places. The oldest sockets of the same address go first, then the oldest of the address with most sockets in the
 * room. A displaced socket still has a short time to prove its key, see `Connections.spare`.
 * @param ofAddress pending sockets of the new socket's address in all rooms, the oldest first
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

/** Displaces a pending socket, because its address has newer ones in other rooms. */
export function displacePending(room: Room | undefined, connectionId: string): Transition {
  if (!room?.pending.has(connectionId)) return { room, effects: [] };
  return {
    room: unlessDeserted(withPending(room, connectionId, undefined)),
    effects: [displaced(connectionId)],
  };
}

/** The oldest socket of the address with most sockets. The expiry of a challenge orders sockets by age. */
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
