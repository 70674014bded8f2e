import type { AstationFrame } from '../frames/protocol.ts';
import type { AtemFrame } from './routing.ts';
import type { PendingPlace, Room, Transition } from './state.ts';

/** A room as it is at one moment. */
export interface Seen {
  readonly room: Room | undefined;
  /** ms of the clock that all times in rooms are of. */
  readonly now: number;
  /** Sockets of the address that was asked about which wait to prove a key, whatever their rooms, the oldest first. */
  readonly pendingOfAddress: readonly PendingPlace[];
}

/** Decides what becomes of a room. Pure: it may be asked again when another server was faster. */
export type Decide = (seen: Seen) => Transition;

/** An Astation's frame for atems, and the socket it came from. */
export interface AstationSent {
  connectionId: string;
  frame: AstationFrame;
  /** Atems that the sender's limits have counted it for. */
  mostRecipients: number;
}

/** Places that the sockets of one address take, on all servers together. */
export interface Places {
  address: string;
  /** Taken on this server, the one that is asked for included. */
  here: number;
  max: number;
}

/**
 * Where the rooms are. What happens in one is decided by pure functions; this puts the decisions into force,
 * one after the other, and hands their effects to the sockets in the same order, wherever those are.
 *
 * What one server asks about one room happens in the order of the calls, whether or not it waits for the
 * answers. Every call may reject with a RelayError `SERVICE_UNAVAILABLE`: the rooms cannot be reached.
 */
export interface RoomStore {
  /** A fresh UUID for a socket of this server. @throws RelayError `SERVICE_UNAVAILABLE` */
  newConnectionId(): string;
  look(code: string): Promise<Seen>;
  /** Puts a decision into force. @param address whose pending sockets matter to it @returns what was decided */
  update(code: string, decide: Decide, address?: string): Promise<Transition>;
  /** Passes an atem's frame on to its Astation, if the socket is still the atem's. */
  atemSent(code: string, frame: AtemFrame): Promise<void>;
  /**
   * Passes an owner's frame on to the atems it is for, unless they are more than it was counted for.
   * @returns how many they are, where it is a broadcast
   */
  astationSent(code: string, sent: AstationSent): Promise<number>;
  /** Queues a frame for a socket of this server, behind what was decided about its room so far. */
  send(connectionId: string, text: string): void;
  /** Codes of the rooms whose time may be up. */
  due(): Promise<string[]>;
  /** Takes a place of an address. @returns whether there was one */
  takePlace(places: Places): Promise<boolean>;
  /** Tells how many places an address has taken here from now on. */
  placesLeft(address: string, here: number): void;
}
