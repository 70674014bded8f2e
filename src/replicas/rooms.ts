import { randomUUID } from 'node:crypto';
import { OrderedByKey } from '../queues/ordered-by-key.ts';
import type { Delivery } from '../relay/delivery.ts';
import { envelopeFrame } from '../relay/frames/protocol.ts';
import type { AtemFrame } from '../relay/rooms/routing.ts';
import { type Effect, PAIRING_LIFETIME_MS, type Transition } from '../relay/rooms/state.ts';
import type { AstationSent, Decide, Places, RoomStore, Seen } from '../relay/rooms/store.ts';
import { connectionIdOf, type ReplicaId, replicaOf } from './keys.ts';
import type { RedisLine } from './line.ts';
import { closeMessage, performMessage, sendMessage } from './message.ts';
import { makeChange, withoutDead } from './room-change.ts';
import { decodeRoom, type Fields } from './room-codec.ts';

/** Rooms that are cleaned up concurrently after a dead replica. */
const CLEANED_AT_ONCE = 100;

/** A connection id is a UUID. */
const CONNECTION_ID_LENGTH = 36;

/** A room as stored, including sockets of dead replicas. */
interface Looked extends Seen {
  fields: Fields;
  dead: ReadonlySet<ReplicaId>;
  /** `pendingOfAddress` in the encoding of Redis. */
  waiting: string;
}

export interface RedisRoomsDeps {
  line: RedisLine;
  delivery: Delivery;
  /** Time in ms on a clock that all replicas share. */
  now(): number;
  /** Called for a message that this version does not understand. */
  onUnknown(): void;
}

/**
 * Rooms that several replicas share. Redis orders all events of a room: a change is committed atomically with the messages
 * it causes, and frames are routed by the committed state.
 */
export class RedisRooms implements RoomStore {
  readonly #line: RedisLine;
  readonly #delivery: Delivery;
  readonly #now: () => number;
  readonly #onUnknown: () => void;
  readonly #turns = new OrderedByKey();
  /** Dead replicas whose cleanup is in flight. */
  readonly #cleaning = new Set<ReplicaId>();

  constructor({ line, delivery, now, onUnknown }: RedisRoomsDeps) {
    this.#line = line;
    this.#delivery = delivery;
    this.#now = now;
    this.#onUnknown = onUnknown;
  }

  newConnectionId(): string {
    // Without Redis any id will do, because the socket is closed when it cannot join its room.
    const uuid = randomUUID();
    return this.#line.id === undefined ? uuid : connectionIdOf(this.#line.id, uuid);
  }

  async look(code: string): Promise<Seen> {
    const { dead, room, ...seen } = await this.#look(code);
    return { ...seen, room: withoutDead(room, { dead, now: seen.now }).room };
  }

  update(code: string, decide: Decide, address?: string): Promise<Transition> {
    return this.#turns.take(code, async () => {
      for (;;) {
        const outcome = await this.#tryUpdate({ code, decide, address });
        if (outcome) return outcome;
      }
    });
  }

  async atemSent(code: string, { atemId, connectionId, text }: AtemFrame): Promise<void> {
    const frame = envelopeFrame({ atemId, connectionId }, text);
    await this.#turns.follow(code, () => this.#line.run('from_atem', code, atemId, connectionId, frame));
  }

  async astationSent(code: string, { connectionId, frame, mostRecipients }: AstationSent): Promise<number> {
    if (frame.kind === 'broadcast') {
      const to = [connectionId, frame.text, mostRecipients];
      return (await this.#turns.follow(code, () => this.#line.run('to_atems', code, ...to))) as number;
    }
    if (frame.kind === 'envelope') {
      const to = [frame.atemId, frame.connectionId, frame.payload];
      await this.#turns.follow(code, () => this.#line.run('to_atem', code, connectionId, ...to));
    }
    return 1;
  }

  send(connectionId: string, text: string): void {
    const inbox = this.#line.keys.inbox(replicaOf(connectionId));
    // A failed publish is ignored, because losing Redis closes the socket anyway.
    this.#line.publish(inbox, sendMessage(connectionId, text)).catch(() => undefined);
  }

  due(): Promise<string[]> {
    return this.#line.membersUpTo(this.#line.keys.unattended, this.#now() - PAIRING_LIFETIME_MS);
  }

  async takePlace({ address, here, max }: Places): Promise<boolean> {
    return (await this.#line.run('take_place', address, this.#line.id ?? '', here, max)) === 1;
  }

  placesLeft(address: string, here: number): void {
    if (this.#line.id === undefined) return;
    // The line logs that it was lost. Places of a replica that is not there do not count.
    this.#line.run('places_left', address, this.#line.id, here).catch(() => undefined);
  }

  /** Carries out a message for the sockets of this replica. */
  received(message: string): void {
    if (!performMessage(message, this.#delivery)) this.#onUnknown();
  }

  /** Resolves when all updates requested so far have finished. */
  settled(): Promise<void> {
    return this.#turns.settled();
  }

  /** Removes the sockets of dead replicas from their rooms, and notifies the Astations. */
  async clean(ids: ReplicaId[]): Promise<void> {
    for (const id of ids) {
      if (this.#cleaning.has(id)) continue;
      this.#cleaning.add(id);
      try {
        await this.#cleanUpAfter(id);
      } finally {
        this.#cleaning.delete(id);
      }
    }
  }

  async #cleanUpAfter(id: ReplicaId): Promise<void> {
    const codes = await this.#line.members(this.#line.keys.roomsOf(id));
    while (codes.length > 0) {
      const portion = codes.splice(0, CLEANED_AT_ONCE);
      await Promise.all(portion.map((code) => this.update(code, ({ room }) => ({ room, effects: [] }))));
    }
    await this.#line.run('forget', id);
  }

  async #look(code: string, address?: string): Promise<Looked> {
    type Answer = [string[], ReplicaId[], string[]];
    const [flat, dead, waiting] = (await this.#line.run('look', code, address ?? '')) as Answer;
    const fields = new Map<string, string>();
    for (let n = 0; n < flat.length; n += 2) fields.set(flat[n] as string, flat[n + 1] as string);
    const room = decodeRoom(code, fields);
    return {
      fields,
      room,
      dead: new Set(dead),
      now: this.#now(),
      waiting: waiting.join('\n'),
      pendingOfAddress: waiting.map((member) => ({
        connectionId: member.slice(0, CONNECTION_ID_LENGTH),
        code: member.slice(CONNECTION_ID_LENGTH + 1),
      })),
    };
  }

  /** @returns undefined if a concurrent change made the read state stale */
  async #tryUpdate(asked: {
    code: string;
    decide: Decide;
    address: string | undefined;
  }): Promise<Transition | undefined> {
    const { code, decide, address } = asked;
    const { fields: before, room: roomBefore, dead, waiting, ...seen } = await this.#look(code, address);
    const alive = withoutDead(roomBefore, { dead, now: seen.now });
    const decided = decide({ ...seen, room: alive.room });
    const effects = [...alive.effects, ...decided.effects];
    if (decided.room === roomBefore && effects.length === 0) return decided;
    const change = {
      ...makeChange({ code, before, roomBefore, roomAfter: decided.room }),
      ...(decided.room && { next: randomUUID() }),
      ...(address !== undefined && { address, waiting }),
      replica: this.#line.id ?? '',
    };
    const answer = await this.#line.run('commit', JSON.stringify(change), ...effects.flatMap(toMessage));
    if (answer === 'LAPSED') this.#line.lapsed();
    return answer === 'OK' ? decided : undefined;
  }
}

const toMessage = (effect: Effect): [ReplicaId, string] => [
  replicaOf(effect.connectionId),
  effect.type === 'send' ? sendMessage(effect.connectionId, effect.text) : closeMessage(effect),
];
