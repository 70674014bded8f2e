import { leaveAstation, leaveAtem } from '../relay/rooms/room.ts';
import type { Effect, Room, Transition } from '../relay/rooms/state.ts';
import { type ReplicaId, replicaOf } from './keys.ts';
import { encodeRoom, type Fields } from './room-codec.ts';

/** What was looked at, and what is to become of it. */
export interface Step {
  code: string;
  before: Fields;
  roomBefore: Room | undefined;
  roomAfter: Room | undefined;
}

type Waiting = [address: string, connectionId: string, until: number];

/** What the script `commit` does to a room and to what is known by its sockets. */
export interface RoomChange {
  code: string;
  /** `v` of what was looked at; empty when there was nothing. */
  version: string;
  set: Record<string, string>;
  unset: string[];
  unattendedSince?: number;
  entered: ReplicaId[];
  left: ReplicaId[];
  /** Address, connection id, and when the challenge ends. */
  waits: Waiting[];
  waitsNoMore: Waiting[];
}

/** The difference between a room as it is stored and as it shall be. */
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

/** The room without the sockets of dead replicas, as if each had been closed. */
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
