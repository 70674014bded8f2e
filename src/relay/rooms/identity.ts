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

/** A proof that was verified. */
interface Proof {
  connectionId: string;
  status: 'registered' | 'verified';
  now: number;
}

const sendResult = (connectionId: string, status: Proof['status']) =>
  send(connectionId, authResultFrame(status, `key ${status}`));

/** The Astation of a socket; undefined if the socket is not in the room. */
export function astationOf(room: Room | undefined, connectionId: string): Astation | undefined {
  if (room?.owner?.connectionId === connectionId) return room.owner;
  return room?.pending.get(connectionId);
}

/**
 * Makes a socket that has proved the registered key the owner of the room, and displaces the previous owner. If the
 * socket has closed in the meantime, the effect is that of {@link keyRegistered}.
 * @param proof with `displaced` if newer sockets displaced this one and it is still open: it may own the room without a
 * pending place
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
    return { room: taken.room, effects: [sendResult(connectionId, status), ...taken.effects] };
  }
  if (!room || !astation) return keyRegistered(room, proof.now);
  const result = sendResult(connectionId, status);
  const verified: Astation = { ...astation, standing: 'verified' };
  if (astation === room.owner) return { room: withOwner(room, verified, proof.now), effects: [result] };
  const taken = takeOver(room, verified, proof.now);
  return { room: taken.room, effects: [result, ...taken.effects] };
}

/**
 * Rejects a failed proof: sends the reason to the socket and closes it. Another owner keeps the room.
 * @param rejection with `isOpen` if the socket is still open although newer sockets displaced it from the room
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
 * Rejects a pending socket whose challenge has expired. A legacy owner does not need to answer. Call it for every
 * Astation's socket when the challenge expires, because a socket that joined as legacy may be pending by then.
 */
export function challengeExpired(
  room: Room | undefined,
  expiry: { connectionId: string; now: number },
): Transition {
  if (!room?.pending.has(expiry.connectionId)) return { room, effects: [] };
  return astationRejected(room, { ...expiry, message: 'the challenge was not answered in time' });
}

/**
 * Takes the room from a legacy owner, because a key was registered for the room's code on some server.
 */
export function keyRegistered(room: Room | undefined, now: number): Transition {
  if (room?.owner?.standing !== 'legacy') return { room, effects: [] };
  const displaced = displace(withOwner(room, undefined, now), room.owner, now);
  return { room: unlessDeserted(displaced.room), effects: displaced.effects };
}

/** Closes the verified owner, because an operator removed the key of the room's code. */
export function keyForgotten(room: Room | undefined, now: number): Transition {
  if (room?.owner?.standing !== 'verified') return { room, effects: [] };
  return {
    room: unlessDeserted(withOwner(room, undefined, now)),
    effects: [close(room.owner.connectionId, 'the key of this Astation was forgotten')],
  };
}

const close = (connectionId: string, reason: string) =>
  ({ type: 'close', connectionId, code: CLOSE.POLICY, reason }) as const;
