import { randomBytes } from 'node:crypto';
import type { FastifyBaseLogger } from 'fastify';
import { findRelayError, notFound, RelayError } from '../errors.ts';
import { atMost } from '../queues/at-most.ts';
import type { Announcement, Delivery } from './delivery.ts';
import { CHALLENGE_LIFETIME_MS, CLOSE, vaultUpdatedFrame } from './frames/protocol.ts';
import { closeRoom, sweepRoom } from './rooms/end.ts';
import { challengeExpired, keyForgotten, keyRegistered } from './rooms/identity.ts';
import { createPairingCode } from './rooms/pairing-code.ts';
import { displacePending } from './rooms/pending.ts';
import {
  type AstationArrival,
  type AtemArrival,
  joinAstation,
  joinAtem,
  leaveAstation,
  leaveAtem,
  refuseAstation,
  refuseAtem,
} from './rooms/room.ts';
import type { AtemFrame } from './rooms/routing.ts';
import { openPairingRoom, type Refusal, type Room, type RoomStatus, roomStatus } from './rooms/state.ts';
import type { Decide, RoomStore } from './rooms/store.ts';

/** Interval between sweeps of expired pairing rooms. */
const SWEEP_MS = 10_000;
/** Rooms that a sweep updates concurrently. */
const SWEPT_AT_ONCE = 100;

const REFUSAL_CODES = { 404: 'NOT_FOUND', 409: 'CONFLICT', 410: 'GONE' } as const;

const toError = ({ status, message }: Refusal): RelayError => new RelayError(REFUSAL_CODES[status], message);

export interface HubDeps {
  rooms: RoomStore;
  delivery: Delivery;
  log: FastifyBaseLogger;
}

/** An atem's socket. */
type AtemSocket = Omit<AtemArrival, 'now'>;

/** Applies the events of sockets, procedures and announcements to rooms, in memory or in Redis. */
export class Hub {
  readonly #rooms: RoomStore;
  readonly #delivery: Delivery;
  readonly #log: FastifyBaseLogger;
  readonly #challengeTimers = new Map<string, NodeJS.Timeout>();
  readonly #sweeper: NodeJS.Timeout;
  /** Sockets of this server, by the code of their room. */
  readonly #atemsHere = new Map<string, Set<string>>();
  readonly #astationsHere = new Map<string, Set<string>>();

  constructor({ rooms, delivery, log }: HubDeps) {
    this.#rooms = rooms;
    this.#delivery = delivery;
    this.#log = log;
    this.#sweeper = setInterval(() => this.#inBackground(this.sweep()), SWEEP_MS);
    this.#sweeper.unref();
  }

  /** The current room of a code. @throws RelayError `SERVICE_UNAVAILABLE`, as every method that returns a promise */
  async room(code: string): Promise<Room | undefined> {
    return (await this.#rooms.look(code)).room;
  }

  /** Opens a pairing room. @returns its code */
  async openPairing(hostname: string): Promise<string> {
    for (;;) {
      const code = createPairingCode(randomBytes);
      const { refused } = await this.#rooms.update(code, ({ room, now }) =>
        room
          ? { room, effects: [], refused: { status: 409, message: 'This code is taken.' } }
          : { room: openPairingRoom({ code, hostname, now }), effects: [] },
      );
      if (!refused) return code;
    }
  }

  /** @throws RelayError `NOT_FOUND` */
  async status(code: string): Promise<RoomStatus> {
    const { room, now } = await this.#rooms.look(code);
    const status = roomStatus(room, now);
    if (!status) throw notFound('There is no room with this code.');
    return status;
  }

  /** Closes a room and every socket in it. @throws RelayError `NOT_FOUND`, or `CONFLICT` if a key is registered */
  async closeRoom(code: string, keyIsRegistered: boolean): Promise<void> {
    const { refused } = await this.#rooms.update(code, ({ room }) => closeRoom(room, keyIsRegistered));
    if (refused) throw toError(refused);
  }

  /** Call before the upgrade, because only then can the answer be an HTTP status. @throws RelayError */
  async checkAtem(code: string): Promise<void> {
    const { room, now } = await this.#rooms.look(code);
    const refused = refuseAtem(room, now);
    if (refused) throw toError(refused);
  }

  /** Call before the upgrade. @throws RelayError */
  async checkAstation(code: string): Promise<void> {
    const { room, now } = await this.#rooms.look(code);
    const refused = refuseAstation(room, now);
    if (refused) throw toError(refused);
  }

  atemArrived(code: string, atem: AtemSocket): void {
    addTo(this.#atemsHere, code, atem.connectionId);
    const joined = this.#rooms.update(code, ({ room, now }) => joinAtem(room, { ...atem, now }));
    this.#orClose(atem.connectionId, joined);
  }

  atemLeft(code: string, atem: AtemSocket): void {
    removeFrom(this.#atemsHere, code, atem.connectionId);
    this.#inBackground(this.#rooms.update(code, ({ room }) => leaveAtem(room, atem)));
  }

  /** Resolves when the frame has been forwarded and the next may be read from this socket. Never rejects. */
  async atemSent(code: string, frame: AtemFrame): Promise<void> {
    await this.#rooms.atemSent(code, frame).catch((error) => this.#dropped(frame.connectionId, error));
  }

  astationArrived(arrival: Omit<AstationArrival, 'now' | 'pendingOfAddress'>): void {
    const { code, connectionId, address } = arrival;
    addTo(this.#astationsHere, code, connectionId);
    const decide: Decide = ({ room, ...seen }) => {
      // The key may have been registered since this socket was admitted.
      const known = arrival.keyRegistered || room?.owner?.standing === 'verified';
      return joinAstation(room, { ...arrival, ...seen, keyRegistered: known });
    };
    const joined = this.#rooms
      .update(code, decide, address)
      .then(({ elsewhere = [] }) =>
        Promise.all(
          elsewhere.map((place) =>
            this.#rooms.update(place.code, ({ room }) => displacePending(room, place.connectionId)),
          ),
        ),
      );
    this.#orClose(connectionId, joined);
    const expire = () => {
      const expired: Decide = ({ room, now }) => challengeExpired(room, { connectionId, now });
      this.#inBackground(this.#rooms.update(code, expired));
    };
    this.#challengeTimers.set(connectionId, setTimeout(expire, CHALLENGE_LIFETIME_MS).unref());
  }

  astationLeft(code: string, connectionId: string): void {
    removeFrom(this.#astationsHere, code, connectionId);
    clearTimeout(this.#challengeTimers.get(connectionId));
    this.#challengeTimers.delete(connectionId);
    const left: Decide = ({ room, now }) => leaveAstation(room, { connectionId, now });
    this.#inBackground(this.#rooms.update(code, left));
  }

  /** Codes of the rooms with sockets of this server. */
  roomsHere(): string[] {
    return [...new Set([...this.#astationsHere.keys(), ...this.#atemsHere.keys()])];
  }

  /** Applies an announcement to the sockets of this server. Every other server applies it too. */
  apply(announcement: Announcement): void {
    if (announcement.type === 'vault-updated') {
      const { workSessionId, vaultId, seq } = announcement;
      const nudge = vaultUpdatedFrame({ vault_id: vaultId, seq });
      this.#delivery.deliver([...(this.#atemsHere.get(workSessionId) ?? [])], nudge);
      return;
    }
    const { astationId } = announcement;
    if (!this.#astationsHere.has(astationId)) return;
    const change = announcement.type === 'key-registered' ? keyRegistered : keyForgotten;
    // Only the server that holds the owner's socket decides, because the announcement may be older than the owner.
    const decide: Decide = ({ room, now }) =>
      room?.owner && this.#delivery.has(room.owner.connectionId) ? change(room, now) : { room, effects: [] };
    this.#inBackground(this.#rooms.update(astationId, decide));
  }

  /** Closes or deletes expired rooms. */
  async sweep(): Promise<void> {
    const decide: Decide = ({ room, now }) => (room ? sweepRoom(room, now) : { room, effects: [] });
    const due = await this.#rooms.due();
    const oneOfFew = atMost(SWEPT_AT_ONCE);
    await Promise.all(due.map((code) => oneOfFew(() => this.#rooms.update(code, decide))));
  }

  close(): void {
    clearInterval(this.#sweeper);
    for (const timer of this.#challengeTimers.values()) clearTimeout(timer);
  }

  /** Closes the socket if the room update fails, because a socket outside its room must not stay open. */
  #orClose(connectionId: string, update: Promise<unknown>): void {
    update.catch((error: unknown) => {
      this.#dropped(connectionId, error);
      this.#delivery.close(connectionId, CLOSE.RESTART, 'the rooms cannot be reached; connect again');
    });
  }

  #inBackground(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.#dropped(undefined, error));
  }

  /** Logs an unreachable room store at debug level only, because the store itself logs the outage once. */
  #dropped(connection: string | undefined, error: unknown): void {
    const expected = findRelayError(error)?.code === 'SERVICE_UNAVAILABLE';
    this.#log[expected ? 'debug' : 'error']({ connection, reason: String(error) }, 'A room was not changed');
  }
}

function addTo(index: Map<string, Set<string>>, code: string, connectionId: string): void {
  index.set(code, (index.get(code) ?? new Set()).add(connectionId));
}

function removeFrom(index: Map<string, Set<string>>, code: string, connectionId: string): void {
  const ids = index.get(code);
  ids?.delete(connectionId);
  if (ids?.size === 0) index.delete(code);
}
