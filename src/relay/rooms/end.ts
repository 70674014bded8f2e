import { CLOSE } from '../frames/protocol.ts';
import {
  type Effect,
  EXPIRED_MEMORY_MS,
  isExpired,
  isOpen,
  PAIRING_LIFETIME_MS,
  type Room,
  type Transition,
} from './state.ts';

/**
 * Closes a room and every socket in it (`DELETE /api/pair/<code>`). A room whose Astation has a registered key cannot be
 * closed, because this call requires only the code.
 */
export function closeRoom(room: Room | undefined, keyRegistered: boolean): Transition {
  if (keyRegistered) {
    return refuse(room, { status: 409, message: 'This room belongs to an Astation with a registered key.' });
  }
  if (!isOpen(room)) return refuse(room, { status: 404, message: 'There is no room with this code.' });
  const members = [...room.atems.values(), ...room.pending.keys()];
  if (room.owner) members.push(room.owner.connectionId);
  return {
    room: undefined,
    effects: closeAll(members, { code: CLOSE.NORMAL, reason: 'the room was closed' }),
  };
}

/**
 * Call periodically. An expired pairing room loses its atems and is deleted {@link EXPIRED_MEMORY_MS} later. A pending
 * Astation may still prove its key and own the room.
 */
export function sweepRoom(room: Room, now: number): Transition {
  if (!isExpired(room, now)) return { room, effects: [] };
  const over = now - room.unattendedSince >= PAIRING_LIFETIME_MS + EXPIRED_MEMORY_MS;
  const left = room.atems.size > 0 ? { ...room, atems: new Map(), proven: new Map() } : room;
  return {
    room: over && room.pending.size === 0 ? undefined : left,
    effects: closeAll([...room.atems.values()], {
      code: CLOSE.POLICY,
      reason: 'the pairing code has expired',
    }),
  };
}

function refuse(room: Room | undefined, refused: NonNullable<Transition['refused']>): Transition {
  return { room, effects: [], refused };
}

function closeAll(connectionIds: string[], why: { code: number; reason: string }): Effect[] {
  return connectionIds.map((connectionId) => ({ type: 'close', connectionId, ...why }));
}
