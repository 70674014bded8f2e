/** A pairing room without an Astation lives this long (contract, section 3). */
export const PAIRING_LIFETIME_MS = 600_000;
/** An expired pairing room is kept this much longer, to answer 410 and `expired` instead of 404. */
export const EXPIRED_MEMORY_MS = 600_000;
/** Limits of pending sockets, which have yet to prove a room's key (contract, section 4). */
export const MAX_PENDING_PER_ADDRESS = 2;
export const MAX_PENDING_PER_ROOM = 32;

/** An Astation's socket in a room. */
export interface Astation {
  readonly connectionId: string;
  /** The peer's address or network, as used by limits. */
  readonly address: string;
  /**
   * `legacy`: no key is registered for the code, so it owned the room immediately, but may not bind sessions. `pending`: it
   * must prove a key first. `verified`: it has proved its key.
   */
  readonly standing: 'legacy' | 'pending' | 'verified';
  /** Valid for this socket only, until `challengeExpiresAt`. */
  readonly challenge: string;
  readonly challengeExpiresAt: number;
}

/**
 * One room. Rooms are immutable: every function returns a new one. All times are ms of one clock.
 *
 * An Astation's first socket creates its *identity room*, and the room ends with its last socket. When the Astation
 * disconnects, the atems stay and continue to receive nudges. When it reconnects, it is notified of each atem. A *pairing
 * room* is created with its code and exists until it expires or is closed.
 */
export interface Room {
  readonly code: string;
  readonly kind: 'identity' | 'pairing';
  readonly hostname: string;
  readonly owner: Astation | undefined;
  /** Pending sockets by connection id. They own nothing, receive no frames, and their frames are dropped. */
  readonly pending: ReadonlyMap<string, Astation>;
  /** `atem_id` → connection id of that atem's current socket. */
  readonly atems: ReadonlyMap<string, string>;
  /** `atem_id` → fingerprint of the session that the atem's current socket connected with; absent if it used a code. */
  readonly proven: ReadonlyMap<string, string>;
  /** When the room lost its owner; meaningless while it has one. */
  readonly unattendedSince: number;
}

/** A side effect on a socket. Effects are performed in order. */
export type Effect = Send | { type: 'close'; connectionId: string; code: number; reason: string };

/** A text frame for one socket. */
export interface Send {
  type: 'send';
  connectionId: string;
  text: string;
}

/** A pending socket and its room. */
export interface PendingPlace {
  code: string;
  connectionId: string;
}

/** Why a request or socket is refused, as an HTTP status. */
export interface Refusal {
  status: 404 | 409 | 410;
  message: string;
}

/**
 * The result of an event: the new room (undefined: delete it) and the effects on sockets.
 */
export interface Transition {
  room: Room | undefined;
  effects: Effect[];
  refused?: Refusal;
  /** Pending sockets that must leave other rooms. */
  elsewhere?: PendingPlace[];
}

/** The body of `GET /api/pair/<code>`. */
export interface RoomStatus {
  /** Both the Astation and an atem are connected. */
  paired: boolean;
  hostname: string;
  atem_count: number;
  /** Absent while there is none. */
  atem_ids?: string[];
  atem_connected: boolean;
  astation_connected: boolean;
  expired: boolean;
}

/** A room for a new pairing code. The caller must have checked that no room uses this code. */
export function openPairingRoom(room: { code: string; hostname: string; now: number }): Room {
  return empty({ code: room.code, kind: 'pairing', hostname: room.hostname }, room.now);
}

/** An empty room for an Astation's first socket. */
export function openIdentityRoom(code: string, now: number): Room {
  return empty({ code, kind: 'identity', hostname: 'identity' }, now);
}

/** Whether the room exists for atems and status requests. An identity room with only pending sockets does not. */
export function isOpen(room: Room | undefined): room is Room {
  return room !== undefined && (room.kind === 'pairing' || room.owner !== undefined || room.atems.size > 0);
}

/** Whether a pairing room has been without an Astation for {@link PAIRING_LIFETIME_MS}. */
export function isExpired(room: Room, now: number): boolean {
  return room.kind === 'pairing' && !room.owner && now - room.unattendedSince >= PAIRING_LIFETIME_MS;
}

/** The body of `GET /api/pair/<code>`; undefined means 404. */
export function roomStatus(room: Room | undefined, now: number): RoomStatus | undefined {
  if (!isOpen(room)) return undefined;
  const atemIds = [...room.atems.keys()];
  const astation = room.owner !== undefined;
  return {
    paired: astation && atemIds.length > 0,
    hostname: room.hostname,
    atem_count: atemIds.length,
    ...(atemIds.length > 0 && { atem_ids: atemIds }),
    atem_connected: atemIds.length > 0,
    astation_connected: astation,
    expired: isExpired(room, now),
  };
}

/** The room with another owner, or with none since `now`. */
export function withOwner(room: Room, owner: Astation | undefined, now: number): Room {
  return { ...room, owner, unattendedSince: owner ? room.unattendedSince : now };
}

/** The room with one more pending socket, or one fewer if `astation` is undefined. */
export function withPending(room: Room, connectionId: string, astation: Astation | undefined): Room {
  const pending = new Map(room.pending);
  if (astation) pending.set(connectionId, astation);
  else pending.delete(connectionId);
  return { ...room, pending };
}

/** The room with `current` as the atem's socket, or without the atem if `current` is undefined. */
export function withAtem(
  room: Room,
  atemId: string,
  current: { connectionId: string; session?: string | undefined } | undefined,
): Room {
  const [atems, proven] = [new Map(room.atems), new Map(room.proven)];
  proven.delete(atemId);
  if (current === undefined) atems.delete(atemId);
  else atems.set(atemId, current.connectionId);
  if (current?.session !== undefined) proven.set(atemId, current.session);
  return { ...room, atems, proven };
}

/** The room; undefined if it is an identity room without sockets. */
export function unlessDeserted(room: Room): Room | undefined {
  return room.pending.size > 0 || isOpen(room) ? room : undefined;
}

function empty(head: Pick<Room, 'code' | 'kind' | 'hostname'>, now: number): Room {
  return {
    ...head,
    owner: undefined,
    pending: new Map(),
    atems: new Map(),
    proven: new Map(),
    unattendedSince: now,
  };
}
