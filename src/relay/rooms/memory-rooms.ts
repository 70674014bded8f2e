import { randomUUID } from 'node:crypto';
import type { Delivery } from '../delivery.ts';
import { type AtemFrame, routeFromAstation, routeFromAtem } from './routing.ts';
import { type Effect, PAIRING_LIFETIME_MS, type PendingPlace, type Room, type Transition } from './state.ts';
import type { AstationSent, Decide, RoomStore, Seen } from './store.ts';

/** The rooms of an installation with one server, kept in memory. Every socket is on this server, and no call blocks. */
export class MemoryRooms implements RoomStore {
  readonly #rooms = new Map<string, Room>();
  /** Pending sockets by address, the oldest first. */
  readonly #pending = new Map<string, Map<string, PendingPlace>>();
  /** When each pairing room lost its Astation, the earliest first. */
  readonly #unattended = new Map<string, number>();
  readonly #delivery: Delivery;
  readonly #now: () => number;

  /** @param now ms of a clock that only moves forward */
  constructor(delivery: Delivery, now: () => number) {
    this.#delivery = delivery;
    this.#now = now;
  }

  newConnectionId(): string {
    return randomUUID();
  }

  async look(code: string): Promise<Seen> {
    return this.#see(code, undefined);
  }

  async update(code: string, decide: Decide, address?: string): Promise<Transition> {
    const seen = this.#see(code, address);
    const transition = decide(seen);
    this.#keepPending(code, seen.room, transition.room);
    this.#keepUnattended(code, transition.room);
    if (transition.room) this.#rooms.set(code, transition.room);
    else this.#rooms.delete(code);
    this.#perform(transition.effects);
    return transition;
  }

  async atemSent(code: string, frame: AtemFrame): Promise<void> {
    this.#perform(routeFromAtem(this.#rooms.get(code), frame));
  }

  async astationSent(code: string, sent: AstationSent): Promise<number> {
    const sends = routeFromAstation(this.#rooms.get(code), sent);
    const [first] = sends;
    if (first && sends.length <= sent.mostRecipients) {
      const to = sends.map(({ connectionId }) => connectionId);
      this.#delivery.deliver(to, first.text);
    }
    return sends.length;
  }

  send(connectionId: string, text: string): void {
    this.#delivery.deliver([connectionId], text);
  }

  async due(): Promise<string[]> {
    const due: string[] = [];
    for (const [code, since] of this.#unattended) {
      if (since > this.#now() - PAIRING_LIFETIME_MS) break;
      due.push(code);
    }
    return due;
  }

  /** Always true, because the caller has already counted this server's sockets and there are no other servers. */
  async takePlace(): Promise<boolean> {
    return true;
  }

  placesLeft(): void {
    // There are no other servers to notify.
  }

  #see(code: string, address: string | undefined): Seen {
    const pending = address === undefined ? undefined : this.#pending.get(address);
    const pendingOfAddress = [...(pending?.values() ?? [])];
    return { room: this.#rooms.get(code), now: this.#now(), pendingOfAddress };
  }

  #keepUnattended(code: string, room: Room | undefined): void {
    const since = room?.kind === 'pairing' && !room.owner ? room.unattendedSince : undefined;
    if (this.#unattended.get(code) === since) return;
    this.#unattended.delete(code);
    if (since !== undefined) this.#unattended.set(code, since);
  }

  /** Does nothing unless the pending sockets changed, because it runs on every update of every room. */
  #keepPending(code: string, before: Room | undefined, after: Room | undefined): void {
    if (before?.pending === after?.pending) return;
    for (const [connectionId, { address }] of before?.pending ?? []) {
      if (after?.pending.has(connectionId)) continue;
      const ofAddress = this.#pending.get(address);
      ofAddress?.delete(connectionId);
      if (ofAddress?.size === 0) this.#pending.delete(address);
    }
    for (const [connectionId, { address }] of after?.pending ?? []) {
      if (before?.pending.has(connectionId)) continue;
      const ofAddress = this.#pending.get(address) ?? new Map<string, PendingPlace>();
      this.#pending.set(address, ofAddress.set(connectionId, { code, connectionId }));
    }
  }

  #perform(effects: Effect[]): void {
    for (const effect of effects) {
      if (effect.type === 'send') this.#delivery.deliver([effect.connectionId], effect.text);
      else this.#delivery.close(effect.connectionId, effect.code, effect.reason);
    }
  }
}
