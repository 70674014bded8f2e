import type { Connections } from './connections.ts';
import type { Announcement, Delivery } from './delivery.ts';

/** What the rooms of this server tell and hear. */
export interface Rooms {
  /** Connection ids of the atems in a room. */
  atemsOf(code: string): Iterable<string>;
  heard(announcement: Announcement): void;
}

/** Delivery where there is one server: every socket is here, and nobody else needs to hear. */
export class LocalDelivery implements Delivery {
  readonly #connections: Connections;
  #rooms: Rooms | undefined;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  attach(rooms: Rooms): void {
    this.#rooms = rooms;
  }

  deliver(connectionId: string, text: string): void {
    this.#connections.deliver(connectionId, text);
  }

  deliverToRoom(code: string, text: string): void {
    for (const connectionId of this.#rooms?.atemsOf(code) ?? [])
      this.#connections.deliver(connectionId, text);
  }

  close(connectionId: string, code: number, reason: string): void {
    this.#connections.close(connectionId, code, reason);
  }

  announce(announcement: Announcement): void {
    this.#rooms?.heard(announcement);
  }
}
