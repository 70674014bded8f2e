import { leaveAstation, leaveAtem } from '../relay/rooms/room.ts';
import type { Effect, Room, Transition } from '../relay/rooms/state.ts';
import { type ReplicaId, replicaOf } from './keys.ts';
import { encodeRoom, type Fields } from './room-codec.ts';

/** A room as stored, and its new state. */
export interface Step {
  code: string;
  before: Fields;
  roomBefore: Room | undefined;
  roomAfter: Room | undefined;
}

type Waiting = [address: string, connectionId: string, until: number];

/** The input of the script `commit`: changes of a room and of the indexes over its sockets. */
export interface RoomChange {
  code: string;
  /** `v` of the stored room; empty if there was none. */
  version: string;
  set: Record<string, string>;
  unset: string[];
  unattendedSince?: number;
  entered: ReplicaId[];
  left: ReplicaId[];
  /** New and former pending sockets: address, connection id, and expiry of the challenge. */
  waits: Waiting[];
  waitsNoMore: Waiting[];
}

/** The difference between a room as stored and its new state. */
export function makeChange({ code, before, roomBefore, roomAfter }: Step): RoomChange {
  const after: Fields = roomAfter ? encodeRoom(roomAfter, before) : new Map();
  const [here, there] = [replicasIn(roomBefore), replicasIn(roomAfter)];
  const unattended = roomAfter?.kind === 'pairing' && !roomAfter.owner;
  return {
    code,
    version: before.get('v') ?? '',
    set: Object.fromEntries([...after].filter(([field, value]) => before.get(field) !== value)),
    unset: [...before.keys()].filter((field) => field !== 'v' && !after.has(field)),
    ...(unattended && { unattendedSince: roomAfter.unattendedSince }),
    entered: [...there].filter((id) => !here.has(id)),
    left: [...here].filter((id) => !there.has(id)),
    waits: waiting(roomAfter).filter(([, id]) => !roomBefore?.pending.has(id)),
    waitsNoMore: waiting(roomBefore).filter(([, id]) => !roomAfter?.pending.has(id)),
  };
}

/** Removes the sockets of dead replicas from a room, as if each had been closed. */
export function withoutDead(
  room: Room | undefined,
  { dead, now }: { dead: ReadonlySet<ReplicaId>; now: number },
): Transition {
  const gone = (connectionId: string) => dead.has(replicaOf(connectionId));
  const effects: Effect[] = [];
  let left = room;
  const astations = room ? [...room.pending.keys(), ...(room.owner ? [room.owner.connectionId] : [])] : [];
  for (const connectionId of astations.filter(gone)) left = leaveAstation(left, { connectionId, now }).room;
  for (const [atemId, connectionId] of room?.atems ?? []) {
    if (!gone(connectionId)) continue;
    const transition = leaveAtem(left, { atemId, connectionId });
    left = transition.room;
    effects.push(...transition.effects);
  }
  return { room: left, effects };
}

function replicasIn(room: Room | undefined): Set<ReplicaId> {
  if (!room) return new Set();
  const ids = [...room.pending.keys(), ...room.atems.values()];
  if (room.owner) ids.push(room.owner.connectionId);
  return new Set(ids.map(replicaOf));
}

const waiting = (room: Room | undefined) =>
  [...(room?.pending.values() ?? [])].map(
    ({ address, connectionId, challengeExpiresAt }): Waiting => [address, connectionId, challengeExpiresAt],
  );
