import { randomBytes } from 'node:crypto';
import { notFound, RelayError } from '../errors.ts';
import type { Announcement, Delivery } from './delivery.ts';
import { createPairingCode } from './pairing-code.ts';
import { CHALLENGE_LIFETIME_MS, vaultUpdatedFrame } from './protocol.ts';
import {
  type AstationArrival,
  type AtemArrival,
  joinAstation,
  joinAtem,
  leaveAstation,
  leaveAtem,
  refuseAstation,
  refuseAtem,
} from './room.ts';
import { type RelayCensus, takeCensus } from './room-census.ts';
import { closeRoom, sweepRoom } from './room-end.ts';
import { challengeExpired, keyForgotten, keyRegistered } from './room-identity.ts';
import { type AtemFrame, routeFromAtem } from './room-routing.ts';
import {
  type Effect,
  openPairingRoom,
  type Refusal,
  type Room,
  type RoomStatus,
  roomStatus,
  type Transition,
} from './room-state.ts';

/** Pairing rooms are looked through for expired ones this often. */
const SWEEP_MS = 10_000;

const REFUSAL_CODES = { 404: 'NOT_FOUND', 409: 'CONFLICT', 410: 'GONE', 429: 'TOO_MANY_REQUESTS' } as const;

const toError = ({ status, message }: Refusal): RelayError =>
  new RelayError(REFUSAL_CODES[status], message, status === 429 ? { retryAfter: 10 } : {});

/**
 * The rooms of this server. What happens in a room is decided by pure functions; this holds the rooms,
 * hands events to those functions and their effects to the delivery.
 */
export class Hub {
  readonly #rooms = new Map<string, Room>();
  readonly #delivery: Delivery;
  readonly #now: () => number;
  readonly #challengeTimers = new Map<string, NodeJS.Timeout>();
  readonly #sweeper: NodeJS.Timeout;

  /** @param now ms of a clock that only moves forward */
  constructor(delivery: Delivery, now: () => number) {
    this.#delivery = delivery;
    this.#now = now;
    this.#sweeper = setInterval(() => this.sweep(), SWEEP_MS);
    this.#sweeper.unref();
  }

  /** The room of a code as it is now. */
  room(code: string): Room | undefined {
    return this.#rooms.get(code);
  }

  /** How many rooms and sockets are here now. */
  census(): RelayCensus {
    return takeCensus(this.#rooms.values());
  }

  /** Makes a pairing room. @returns its code */
  openPairing(hostname: string): string {
    let code = createPairingCode(randomBytes);
    while (this.#rooms.has(code)) code = createPairingCode(randomBytes);
    this.#rooms.set(code, openPairingRoom({ code, hostname, now: this.#now() }));
    return code;
  }

  /** @throws RelayError `NOT_FOUND` */
  status(code: string): RoomStatus {
    const status = roomStatus(this.room(code), this.#now());
    if (!status) throw notFound('There is no room with this code.');
    return status;
  }

  /** Closes a room with every socket in it. @throws RelayError `NOT_FOUND`, or `CONFLICT` where a key is registered */
  closeRoom(code: string, keyIsRegistered: boolean): void {
    const { refused } = this.apply(code, closeRoom(this.room(code), keyIsRegistered));
    if (refused) throw toError(refused);
  }

  /** Asked before the upgrade, while an HTTP status can still say no. @throws RelayError */
  checkAtem(code: string): void {
    const refused = refuseAtem(this.room(code), this.#now());
    if (refused) throw toError(refused);
  }

  /** Asked before the upgrade. @throws RelayError */
  checkAstation(code: string, at: { keyRegistered: boolean; address: string }): void {
    const room = this.room(code);
    const refused = refuseAstation(room, {
      keyRegistered: at.keyRegistered,
      pendingFromAddress: this.#pendingFrom(at.address),
      now: this.#now(),
    });
    if (refused) throw toError(refused);
  }

  atemArrived(code: string, atem: Omit<AtemArrival, 'now'>): void {
    this.apply(code, joinAtem(this.room(code), { ...atem, now: this.#now() }));
  }

  atemLeft(code: string, atem: { atemId: string; connectionId: string }): void {
    this.apply(code, leaveAtem(this.room(code), atem));
  }

  atemSent(code: string, frame: AtemFrame): void {
    this.perform(routeFromAtem(this.room(code), frame));
  }

  astationArrived(arrival: Omit<AstationArrival, 'now' | 'pendingFromAddress'>): void {
    const { code, connectionId, address } = arrival;
    const room = this.room(code);
    const now = this.#now();
    // The key may have become known since the socket was let in.
    const keyRegistered = arrival.keyRegistered || room?.owner?.standing === 'verified';
    const pendingFromAddress = this.#pendingFrom(address);
    this.apply(code, joinAstation(room, { ...arrival, keyRegistered, now, pendingFromAddress }));
    const expire = () => {
      this.apply(code, challengeExpired(this.room(code), { connectionId, now: this.#now() }));
    };
    this.#challengeTimers.set(connectionId, setTimeout(expire, CHALLENGE_LIFETIME_MS).unref());
  }

  astationLeft(code: string, connectionId: string): void {
    clearTimeout(this.#challengeTimers.get(connectionId));
    this.#challengeTimers.delete(connectionId);
    this.apply(code, leaveAstation(this.room(code), { connectionId, now: this.#now() }));
  }

  /** Puts a decision into force. */
  apply(code: string, transition: Transition): Transition {
    if (transition.room) this.#rooms.set(code, transition.room);
    else this.#rooms.delete(code);
    this.perform(transition.effects);
    return transition;
  }

  get now(): number {
    return this.#now();
  }

  /** Codes of the rooms whose owner has proved its key. */
  verifiedCodes(): string[] {
    return [...this.#rooms.values()].flatMap(({ code, owner }) =>
      owner?.standing === 'verified' ? [code] : [],
    );
  }

  atemsOf(code: string): Iterable<string> {
    return this.room(code)?.atems.values() ?? [];
  }

  heard(announcement: Announcement): void {
    switch (announcement.type) {
      case 'vault-updated':
        this.#delivery.deliverToRoom(
          announcement.workSessionId,
          vaultUpdatedFrame({ vault_id: announcement.vaultId, seq: announcement.seq }),
        );
        break;
      case 'key-registered':
        this.apply(announcement.astationId, keyRegistered(this.room(announcement.astationId), this.#now()));
        break;
      case 'key-forgotten':
        this.apply(announcement.astationId, keyForgotten(this.room(announcement.astationId), this.#now()));
        break;
    }
  }

  sweep(): void {
    for (const [code, room] of this.#rooms) this.apply(code, sweepRoom(room, this.#now()));
  }

  close(): void {
    clearInterval(this.#sweeper);
    for (const timer of this.#challengeTimers.values()) clearTimeout(timer);
  }

  /** Hands effects to the delivery, in their order. */
  perform(effects: Effect[]): void {
    for (const effect of effects) {
      if (effect.type === 'send') this.#delivery.deliver(effect.connectionId, effect.text);
      else this.#delivery.close(effect.connectionId, effect.code, effect.reason);
    }
  }

  /** Sockets of an address that wait to prove a key, whatever their rooms. */
  #pendingFrom(address: string): number {
    const pending = [...this.#rooms.values()].flatMap((room) => [...room.pending.values()]);
    return pending.filter((astation) => astation.address === address).length;
  }
}
