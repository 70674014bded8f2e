import { describe, expect, test } from 'vitest';
import type { Delivery } from '../../../src/relay/delivery.ts';
import { sweepRoom } from '../../../src/relay/rooms/end.ts';
import { MemoryRooms } from '../../../src/relay/rooms/memory-rooms.ts';
import { joinAstation, leaveAstation } from '../../../src/relay/rooms/room.ts';
import { EXPIRED_MEMORY_MS, openPairingRoom, PAIRING_LIFETIME_MS } from '../../../src/relay/rooms/state.ts';
import { arrival } from './room-kit.ts';

const nowhere: Delivery = { has: () => true, deliver: () => undefined, close: () => undefined };

type Iterating = 'entries' | 'keys' | 'values';

/** How many entries of maps and sets work looks at, one after the other. */
async function visitsDuring(work: () => Promise<void>): Promise<number> {
  let visits = 0;
  const count = <T>(iterator: MapIterator<T>): MapIterator<T> => {
    const { next } = Object.getPrototypeOf(iterator);
    iterator.next = function step(this: unknown) {
      visits++;
      return next.call(this);
    };
    return iterator;
  };
  const original = Object.getOwnPropertyDescriptors(Map.prototype);
  const counted = (name: Iterating) => {
    const iterate = original[name].value as () => MapIterator<unknown>;
    return function counting(this: Map<unknown, unknown>) {
      return count(iterate.call(this));
    };
  };
  for (const name of ['entries', 'keys', 'values'] as const) {
    Object.defineProperty(Map.prototype, name, { ...original[name], value: counted(name) });
  }
  Object.defineProperty(Map.prototype, Symbol.iterator, { ...original.entries, value: counted('entries') });
  try {
    await work();
  } finally {
    Object.defineProperties(Map.prototype, original);
  }
  return visits;
}

/** Astations, each with an address and a room of its own, come to prove their keys. */
async function reconnect(rooms: MemoryRooms, astations: number): Promise<void> {
  for (let n = 0; n < astations; n++) {
    const [code, address] = [`st-${n}`, `address ${n}`];
    await rooms.update(
      code,
      ({ room, ...seen }) =>
        joinAstation(room, arrival(`c${n}`, { ...seen, code, address, keyRegistered: true })),
      address,
    );
  }
}

describe('work that grows with the work of others', () => {
  test('the cost of a returning Astation does not depend on the number of others', async () => {
    const few = await visitsDuring(() => reconnect(new MemoryRooms(nowhere, () => 0), 1000));
    const many = await visitsDuring(() => reconnect(new MemoryRooms(nowhere, () => 0), 4000));
    expect(few).toBeGreaterThan(0);
    expect(many).toBe(4 * few);
  });

  test('the sweep of expired pairing rooms reads no other room', async () => {
    let now = 0;
    const rooms = new MemoryRooms(nowhere, () => now);
    await reconnect(rooms, 1000);
    for (let n = 0; n < 10; n++) {
      now = n;
      const code = `ABCD-000${n}`;
      await rooms.update(code, () => ({ room: openPairingRoom({ code, hostname: 'h', now }), effects: [] }));
    }
    now = PAIRING_LIFETIME_MS + 3;
    let due: string[] = [];
    const visits = await visitsDuring(async () => {
      due = await rooms.due();
    });
    expect(due).toEqual(['ABCD-0000', 'ABCD-0001', 'ABCD-0002', 'ABCD-0003']);
    expect(visits).toBeLessThanOrEqual(due.length + 1);
  });
});

describe('pending sockets of an address', () => {
  const seenBy = async (rooms: MemoryRooms, address: string) => {
    let of: unknown;
    await rooms.update(
      'any',
      ({ room, pendingOfAddress }) => {
        of = pendingOfAddress;
        return { room, effects: [] };
      },
      address,
    );
    return of;
  };

  test('are listed across rooms, the oldest first, until they leave', async () => {
    const rooms = new MemoryRooms(nowhere, () => 0);
    for (const [n, code] of ['a', 'b', 'a'].entries()) {
      const more = { code, address: 'x', keyRegistered: true };
      await rooms.update(code, ({ room }) => joinAstation(room, arrival(`c${n}`, more)), 'x');
    }
    const places = [
      { code: 'a', connectionId: 'c0' },
      { code: 'b', connectionId: 'c1' },
      { code: 'a', connectionId: 'c2' },
    ];
    expect(await seenBy(rooms, 'x')).toEqual(places);
    expect(await seenBy(rooms, 'y')).toEqual([]);
    await rooms.update('a', ({ room, now }) => leaveAstation(room, { connectionId: 'c0', now }));
    expect(await seenBy(rooms, 'x')).toEqual(places.slice(1));
    for (const id of ['c1', 'c2']) {
      for (const code of ['a', 'b'])
        await rooms.update(code, ({ room, now }) => leaveAstation(room, { connectionId: id, now }));
    }
    expect(await seenBy(rooms, 'x')).toEqual([]);
  });
});

test('a pairing room is due while it has no Astation, and no longer once it was forgotten', async () => {
  let now = 0;
  const rooms = new MemoryRooms(nowhere, () => now);
  const code = 'ABCD-2345';
  await rooms.update(code, () => ({ room: openPairingRoom({ code, hostname: 'h', now }), effects: [] }));
  await rooms.update(code, ({ room }) => joinAstation(room, arrival('s1', { code })));
  now = PAIRING_LIFETIME_MS;
  expect(await rooms.due()).toEqual([]);
  await rooms.update(code, ({ room }) => leaveAstation(room, { connectionId: 's1', now }));
  expect(await rooms.due()).toEqual([]);
  now += PAIRING_LIFETIME_MS + EXPIRED_MEMORY_MS;
  expect(await rooms.due()).toEqual([code]);
  await rooms.update(code, ({ room }) => (room ? sweepRoom(room, now) : { room, effects: [] }));
  expect(await rooms.due()).toEqual([]);
});
