import { astationProved } from '../../../src/relay/rooms/identity.ts';
import { type AstationArrival, joinAstation, joinAtem } from '../../../src/relay/rooms/room.ts';
import type { Effect, Room } from '../../../src/relay/rooms/state.ts';

export const CODE = 'astation-1';

/** An Astation that arrives at time 0 with an address of its own; the challenge names the socket. */
export const arrival = (connectionId: string, more: Partial<AstationArrival> = {}): AstationArrival => ({
  code: CODE,
  connectionId,
  address: `address of ${connectionId}`,
  challenge: `challenge of ${connectionId}`,
  keyRegistered: false,
  pendingOfAddress: [],
  now: 0,
  ...more,
});

type Guest = string | Partial<AstationArrival>;

/** A room in which these Astations and atems (`id@connection`) have arrived, in this order, at time 0. */
export function roomWith(...guests: Guest[]): Room {
  return addTo(undefined, guests);
}

/** A room whose owner has proved its key, and those who came after. */
export function verifiedRoom(owner: string, ...guests: Guest[]): Room {
  return addTo(
    astationProved(roomWith(owner), { connectionId: owner, status: 'verified', now: 0 }).room,
    guests,
  );
}

function addTo(start: Room | undefined, guests: Guest[]): Room {
  const room = guests.reduce<Room | undefined>((room, guest) => {
    if (typeof guest !== 'string') return joinAstation(room, arrival(guest.connectionId ?? '', guest)).room;
    const [atemId = '', connectionId] = guest.split('@');
    if (connectionId === undefined) return joinAstation(room, arrival(guest)).room;
    return joinAtem(room, { atemId, connectionId, now: 0 }).room;
  }, start);
  if (!room) throw new Error('nobody stayed');
  return room;
}

export const pending = (connectionId: string): Partial<AstationArrival> => ({
  connectionId,
  keyRegistered: true,
});

/** Effects in one line each: `s1 < {"type":…}`, `t1 x 1000 reason`. */
export const shown = (effects: Effect[]) =>
  effects.map((effect) =>
    effect.type === 'send'
      ? `${effect.connectionId} < ${effect.text}`
      : `${effect.connectionId} x ${effect.code} ${effect.reason}`,
  );

export const event = (owner: string, atem: string, name: 'connected' | 'disconnected') => {
  const [atemId, connectionId] = atem.split('@');
  return `${owner} < {"atem_id":"${atemId}","connection_id":"${connectionId}","relay_event":"${name}"}`;
};

export const challenge = (connectionId: string) =>
  `${connectionId} < {"type":"relayAuthChallenge","protocol":"relay-auth-1","challenge":"challenge of ${connectionId}"}`;

export const result = (connectionId: string, status: string, message: string) =>
  `${connectionId} < {"type":"relayAuthResult","status":"${status}","message":"${message}"}`;

export const replaced = (connectionId: string) => `${connectionId} x 1000 replaced by a newer connection`;
