import type { AstationFrame } from '../frames/protocol.ts';
import type { AtemFrame } from './routing.ts';
import type { PendingPlace, Room, Transition } from './state.ts';

/** A room at one moment. */
export interface Seen {
  readonly room: Room | undefined;
  /** The time in ms, on the clock of all times in rooms. */
  readonly now: number;
  /** Pending sockets of the given address in all rooms, the oldest first; empty if no address was given. */
  readonly pendingOfAddress: readonly PendingPlace[];
}

/** Decides the next state of a room. Must be pure, because it is retried if another server changed the room first. */
export type Decide = (seen: Seen) => Transition;

/** An Astation's frame for atems, and the socket that sent it. */
export interface AstationSent {
  connectionId: string;
  frame: AstationFrame;
  /** Number of recipients that the sender's limits have counted so far. */
  mostRecipients: number;
}

/** The connection limit of one address across all servers. */
export interface Places {
  address: string;
  /** Places taken on this server, including the requested one. */
  here: number;
  max: number;
}

/**
 * Stores the rooms. Pure functions decide; the store applies their decisions one at a time. It performs their effects in the
 * same order, on sockets of any server.
 *
 * Calls of one server about one room are applied in call order, even if the caller does not await them. Every call may
 * reject with RelayError `SERVICE_UNAVAILABLE` if the store cannot be reached.
 */
export interface RoomStore {
  /** A new UUID for a socket of this server. @throws RelayError `SERVICE_UNAVAILABLE` */
  newConnectionId(): string;
  look(code: string): Promise<Seen>;
  /** Applies a decision. @param address fills `Seen.pendingOfAddress` for the decision @returns the decision */
  update(code: string, decide: Decide, address?: string): Promise<Transition>;
  /** Forwards an atem's frame to its Astation, if the socket is still the atem's current one. */
  atemSent(code: string, frame: AtemFrame): Promise<void>;
  /**
   * Forwards an owner's frame to its recipients, unless there are more than `sent.mostRecipients`.
   * @returns the number of recipients of a broadcast
   */
  astationSent(code: string, sent: AstationSent): Promise<number>;
  /** Queues a frame for a socket of this server, after the effects of earlier decisions about its room. */
  send(connectionId: string, text: string): void;
  /** Codes of rooms that may have expired. */
  due(): Promise<string[]>;
  /** Takes one of an address's places. @returns false if all are taken */
  takePlace(places: Places): Promise<boolean>;
  /** Records how many places an address still has taken on this server. */
  placesLeft(address: string, here: number): void;
}
