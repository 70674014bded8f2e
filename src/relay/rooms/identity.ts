import { authResultFrame, CLOSE } from '../frames/protocol.ts';
import { displace, leaveAstation, send, takeOver } from './room.ts';
import {
  type Astation,
  openIdentityRoom,
  type Room,
  type Transition,
  unlessDeserted,
  withOwner,
} from './state.ts';

/** A proof that holds. */
interface Proof {
  connectionId: string;
  status: 'registered' | 'verified';
  now: number;
}

const told = (connectionId: string, status: Proof['status']) =>
  send(connectionId, authResultFrame(status, `key ${status}`));

/** The Astation behind a socket; undefined when the socket is no longer part of the room. */
export function astationOf(room: Room | undefined, connectionId: string): Astation | undefined {
  if (room?.owner?.connectionId === connectionId) return room.owner;
  return room?.pending.get(connectionId);
}

/**
 * A socket has proved the key that is registered for the room's code, now or before. It owns the room from
 * here on; a previous owner goes. When the socket itself went meanwhile, the key is still registered, see
 * {@link keyRegistered}.
 * @param proof with `displaced`, where newer sockets took the place of this one, which is still open: it needs none
 */
export function astationProved(
  room: Room | undefined,
  proof: Proof & { displaced?: { code: string; address: string; challenge: string } | undefined },
): Transition {
  const { connectionId, status, now, displaced } = proof;
  const astation = astationOf(room, connectionId);
  if (!astation && displaced) {
    const { code, address, challenge } = displaced;
    const owner = {
      connectionId,
      address,
      challenge,
      standing: 'verified',
      challengeExpiresAt: now,
    } as const;
    const taken = takeOver(room ?? openIdentityRoom(code, now), owner, now);
    return { room: taken.room, effects: [told(connectionId, status), ...taken.effects] };
  }
  if (!room || !astation) return keyRegistered(room, proof.now);
  const result = told(connectionId, status);
  const verified: Astation = { ...astation, standing: 'verified' };
  if (astation === room.owner) return { room: withOwner(room, verified, proof.now), effects: [result] };
  const taken = takeOver(room, verified, proof.now);
  return { room: taken.room, effects: [result, ...taken.effects] };
}

/**
 * A proof failed. The socket hears why and is closed; an owner that was there stays.
 * @param rejection with `isOpen`, where the socket is there although it lost its place in the room
 */
export function astationRejected(
  room: Room | undefined,
  rejection: { connectionId: string; message: string; now: number; isOpen?: boolean },
): Transition {
  if (!astationOf(room, rejection.connectionId) && !rejection.isOpen) return { room, effects: [] };
  return {
    room: leaveAstation(room, rejection).room,
    effects: [
      send(rejection.connectionId, authResultFrame('rejected', rejection.message)),
      close(rejection.connectionId, 'identity proof rejected'),
    ],
  };
}

/**
 * A challenge ran out: whoever still waits to prove its key is rejected; a legacy owner never needed to
 * answer. Call it for every Astation's socket when its time is up, since one that entered as legacy can be
 * pending by then.
 */
export function challengeExpired(
  room: Room | undefined,
  expiry: { connectionId: string; now: number },
): Transition {
  if (!room?.pending.has(expiry.connectionId)) return { room, effects: [] };
  return astationRejected(room, { ...expiry, message: 'the challenge was not answered in time' });
}

/**
 * A key became known for the room's code, here or on another server: an owner without proof loses the room.
 */
export function keyRegistered(room: Room | undefined, now: number): Transition {
  if (room?.owner?.standing !== 'legacy') return { room, effects: [] };
  const displaced = displace(withOwner(room, undefined, now), room.owner, now);
  return { room: unlessDeserted(displaced.room), effects: displaced.effects };
}

/** An operator forgot the key of the room's code: its verified owner is closed. */
export function keyForgotten(room: Room | undefined, now: number): Transition {
  if (room?.owner?.standing !== 'verified') return { room, effects: [] };
  return {
    room: unlessDeserted(withOwner(room, undefined, now)),
    effects: [close(room.owner.connectionId, 'the key of this Astation was forgotten')],
  };
}

const close = (connectionId: string, reason: string) =>
  ({ type: 'close', connectionId, code: CLOSE.POLICY, reason }) as const;
