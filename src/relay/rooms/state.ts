/** A pairing room without an Astation lives this long (contract, section 3). */
export const PAIRING_LIFETIME_MS = 600_000;
/** An expired pairing room is remembered this long again, to answer 410 and `expired` instead of 404. */
export const EXPIRED_MEMORY_MS = 600_000;
/** Sockets that wait to prove a room's key (contract, section 4). */
export const MAX_PENDING_PER_ADDRESS = 2;
export const MAX_PENDING_PER_ROOM = 32;

/** An Astation's socket in a room. */
export interface Astation {
  readonly connectionId: string;
  /** The peer's address, as far as limits count by it. */
  readonly address: string;
  /**
   * `legacy`: no key is known for the code, so it owned the room at once, but may bind nothing. `pending`: it
   * must prove a key first. `verified`: it has.
   */
  readonly standing: 'legacy' | 'pending' | 'verified';
  /** Good until then and for this socket alone. */
  readonly challenge: string;
  readonly challengeExpiresAt: number;
}

/**
 * One room. Every function on rooms takes one and returns another; none changes it. All times are ms of one
 * clock.
 *
 * An *identity room* comes with its Astation. When that goes, the atems stay: they go on getting nudges, and
 * the Astation is told of each when it is back; the room ends with its last socket. A *pairing room* comes
 * with its code and stays until it expires or is closed.
 */
export interface Room {
  readonly code: string;
  readonly kind: 'identity' | 'pairing';
  readonly hostname: string;
  readonly owner: Astation | undefined;
  /** By connection id. They own nothing, get nothing and are not heard. */
  readonly pending: ReadonlyMap<string, Astation>;
  /** `atem_id` → connection id of that atem's current socket. */
  readonly atems: ReadonlyMap<string, string>;
  /** `atem_id` → the session (its fingerprint) that the atem's current socket came by; none for one that came by a code. */
  readonly proven: ReadonlyMap<string, string>;
  /** Since when the room has had no owner; meaningless while it has one. */
  readonly unattendedSince: number;
}

/** What is to be done to sockets, in this order. */
export type Effect = Send | { type: 'close'; connectionId: string; code: number; reason: string };

/** A text frame for one socket. */
export interface Send {
  type: 'send';
  connectionId: string;
  text: string;
}

/** A socket that waits to prove a key, and the room that it waits in. */
export interface PendingPlace {
  code: string;
  connectionId: string;
}

/** Why a request or socket is turned away, as an HTTP status. */
export interface Refusal {
  status: 404 | 409 | 410;
  message: string;
}

/**
 * The outcome of an event: the room from now on (undefined: it is no more) and what that means to sockets.
 */
export interface Transition {
  room: Room | undefined;
  effects: Effect[];
  refused?: Refusal;
  /** Pending sockets that have to leave other rooms now. */
  elsewhere?: PendingPlace[];
}

/** The body of `GET /api/pair/<code>`. */
export interface RoomStatus {
  /** Both sides are there. */
  paired: boolean;
  hostname: string;
  atem_count: number;
  /** Absent while there is none. */
  atem_ids?: string[];
  atem_connected: boolean;
  astation_connected: boolean;
  expired: boolean;
}

/** A room for a new pairing code. The caller has made sure that no room has this code. */
export function openPairingRoom(room: { code: string; hostname: string; now: number }): Room {
  return empty({ code: room.code, kind: 'pairing', hostname: room.hostname }, room.now);
}

/** The room of an Astation that has just arrived. */
export function openIdentityRoom(code: string, now: number): Room {
  return empty({ code, kind: 'identity', hostname: 'identity' }, now);
}

/** Whether anyone but Astations that have yet to prove their key would find a room here. */
export function isOpen(room: Room | undefined): room is Room {
  return room !== undefined && (room.kind === 'pairing' || room.owner !== undefined || room.atems.size > 0);
}

/** Whether a pairing room has been without an Astation for {@link PAIRING_LIFETIME_MS}. */
export function isExpired(room: Room, now: number): boolean {
  return room.kind === 'pairing' && !room.owner && now - room.unattendedSince >= PAIRING_LIFETIME_MS;
}

/** What `GET /api/pair/<code>` answers; undefined: 404. */
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

/** The room with another owner, or from now on with none. */
export function withOwner(room: Room, owner: Astation | undefined, now: number): Room {
  return { ...room, owner, unattendedSince: owner ? room.unattendedSince : now };
}

/** The room with one more pending socket, or one less when `astation` is undefined. */
export function withPending(room: Room, connectionId: string, astation: Astation | undefined): Room {
  const pending = new Map(room.pending);
  if (astation) pending.set(connectionId, astation);
  else pending.delete(connectionId);
  return { ...room, pending };
}

/** The room with this as the atem's current socket, or without the atem when there is none. */
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

/** The room, or undefined when it is an identity room without a socket. */
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
