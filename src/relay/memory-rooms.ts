import { randomUUID } from 'node:crypto';
import type { Delivery } from './delivery.ts';
import { type AtemFrame, routeFromAstation, routeFromAtem } from './room-routing.ts';
import type { Effect, Room, Transition } from './room-state.ts';
import type { AstationSent, Decide, RoomStore, Seen } from './room-store.ts';

/** Rooms where there is one server: in its memory, with every socket here. Nothing waits. */
export class MemoryRooms implements RoomStore {
  readonly #rooms = new Map<string, Room>();
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

  async look(code: string, address?: string): Promise<Seen> {
    return this.#see(code, address);
  }

  async update(code: string, decide: Decide, address?: string): Promise<Transition> {
    const transition = decide(this.#see(code, address));
    if (transition.room) this.#rooms.set(code, transition.room);
    else this.#rooms.delete(code);
    this.#perform(transition.effects);
    return transition;
  }

  async atemSent(code: string, frame: AtemFrame): Promise<void> {
    this.#perform(routeFromAtem(this.#rooms.get(code), frame));
  }

  async astationSent(code: string, sent: AstationSent): Promise<void> {
    this.#perform(routeFromAstation(this.#rooms.get(code), sent));
  }

  send(connectionId: string, text: string): void {
    this.#delivery.deliver(connectionId, text);
  }

  async due(): Promise<string[]> {
    return [...this.#rooms.keys()];
  }

  /** Whoever asks has counted the sockets of this server, and there are no others. */
  async takePlace(): Promise<boolean> {
    return true;
  }

  placesLeft(): void {
    // Nobody else wants to know.
  }

  #see(code: string, address: string | undefined): Seen {
    const pendingFromAddress = address === undefined ? 0 : this.#pendingFrom(address);
    return { room: this.#rooms.get(code), now: this.#now(), pendingFromAddress };
  }

  #pendingFrom(address: string): number {
    const pending = [...this.#rooms.values()].flatMap((room) => [...room.pending.values()]);
    return pending.filter((astation) => astation.address === address).length;
  }

  #perform(effects: Effect[]): void {
    for (const effect of effects) {
      if (effect.type === 'send') this.#delivery.deliver(effect.connectionId, effect.text);
      else this.#delivery.close(effect.connectionId, effect.code, effect.reason);
    }
  }
}
