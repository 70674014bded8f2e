import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Astation, Room } from '../../../src/relay/rooms/state.ts';
import { connectionIdOf, replicaOf } from '../../../src/replicas/keys.ts';
import { makeChange, type RoomChange, withoutDead } from '../../../src/replicas/room-change.ts';
import { decodeRoom, encodeRoom, type Fields } from '../../../src/replicas/room-codec.ts';

const REPLICAS = ['aaaaaaaa-aaaa', 'bbbbbbbb-bbbb', 'cccccccc-cccc'] as const;

const connectionId = fc
  .tuple(fc.constantFrom(...REPLICAS), fc.uuid({ version: 4 }))
  .map(([replica, uuid]) => connectionIdOf(replica, uuid));

const astation = (standing: Astation['standing']): fc.Arbitrary<Astation> =>
  fc.record({
    connectionId,
    address: fc.constantFrom('127.0.0.1', '::1', '2001:db8::7'),
    standing: fc.constant(standing),
    challenge: fc.constant('c'.repeat(64)),
    challengeExpiresAt: fc.nat(),
  });

const room: fc.Arbitrary<Room> = fc
  .record({
    code: fc.constant('团队'),
    kind: fc.constantFrom('identity', 'pairing'),
    hostname: fc.string({ unit: 'grapheme' }),
    owner: fc.option(fc.oneof(astation('legacy'), astation('verified')), { nil: undefined }),
    pending: fc
      .array(astation('pending'), { maxLength: 4 })
      .map((all) => new Map(all.map((one) => [one.connectionId, one]))),
    atems: fc
      .array(fc.tuple(fc.string({ unit: 'grapheme', minLength: 1 }), connectionId), { maxLength: 6 })
      .map((all) => new Map(all)),
    bySession: fc.boolean(),
    unattendedSince: fc.nat(),
  })
  .map(({ bySession, ...one }) => ({
    ...one,
    // Of every other atem, if of any.
    proven: new Map(
      [...one.atems.keys()].filter((_, i) => bySession && i % 2 === 0).map((id) => [id, 'abcdef123456']),
    ),
  }));

/** What the script `commit` does to the hash. */
function apply(before: Fields, change: RoomChange): Fields {
  const after = new Map([...before, ...Object.entries(change.set)]);
  for (const field of change.unset) after.delete(field);
  return after;
}

const stored = (one: Room | undefined): Fields => (one ? encodeRoom(one, new Map()) : new Map());

test('the id of a socket begins with its replica and stays a UUID of version 4', () => {
  fc.assert(
    fc.property(fc.uuid({ version: 4 }), fc.uuid({ version: 4 }), (replica, uuid) => {
      const id = connectionIdOf(replicaOf(replica), uuid);
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(replicaOf(id)).toBe(replicaOf(replica));
    }),
  );
});

describe('a room in Redis', () => {
  test('is read as it was written, its atems in their order', () => {
    fc.assert(
      fc.property(room, (one) => {
        const read = decodeRoom(one.code, stored(one));
        expect(read).toEqual(one);
        expect([...(read?.atems ?? [])]).toEqual([...one.atems]);
      }),
    );
  });

  test('is empty when there is none', () => {
    expect(decodeRoom('x', new Map())).toBeUndefined();
  });

  test('a change gives the intended room', () => {
    const maybe = fc.option(room, { nil: undefined });
    fc.assert(
      fc.property(maybe, room, (roomBefore, roomAfter) => {
        const before = stored(roomBefore);
        const change = makeChange({ code: roomAfter.code, before, roomBefore, roomAfter });
        expect(decodeRoom(roomAfter.code, apply(before, change))).toEqual(roomAfter);
      }),
    );
  });

  test('without a difference is written nowhere', () => {
    fc.assert(
      fc.property(room, (one) => {
        const before = stored(one);
        const change = makeChange({ code: one.code, before, roomBefore: one, roomAfter: one });
        expect(change).toMatchObject({
          set: {},
          unset: [],
          entered: [],
          left: [],
          waits: [],
          waitsNoMore: [],
        });
      }),
    );
  });

  test('lists the replicas that entered and left, and the waiting sockets', () => {
    const maybe = fc.option(room, { nil: undefined });
    fc.assert(
      fc.property(maybe, maybe, (roomBefore, roomAfter) => {
        const before = stored(roomBefore);
        const change = makeChange({ code: 'x', before, roomBefore, roomAfter });
        const replicas = (one: Room | undefined) => {
          const ids = [...(one?.atems.values() ?? []), ...(one?.pending.keys() ?? [])];
          return new Set([...ids, ...(one?.owner ? [one.owner.connectionId] : [])].map(replicaOf));
        };
        const entered = new Set([...replicas(roomBefore), ...change.entered]);
        for (const id of change.left) entered.delete(id);
        expect(entered).toEqual(replicas(roomAfter));
        const waiting = new Set([...(roomBefore?.pending.keys() ?? []), ...change.waits.map(([, id]) => id)]);
        for (const [, id] of change.waitsNoMore) waiting.delete(id);
        expect(waiting).toEqual(new Set(roomAfter?.pending.keys() ?? []));
      }),
    );
  });
});

test('a dead replica leaves nothing in a room, and the owner is notified of each lost atem', () => {
  fc.assert(
    fc.property(room, fc.subarray([...REPLICAS]), (one, gone) => {
      const dead = new Set<string>(gone);
      const { room: left, effects } = withoutDead(one, { dead, now: 7 });
      const lost = (id: string) => dead.has(replicaOf(id));
      const ids = [...(left?.atems.values() ?? []), ...(left?.pending.keys() ?? [])];
      expect(ids.filter(lost)).toEqual([]);
      expect(left?.owner && lost(left.owner.connectionId)).not.toBe(true);
      const owner = one.owner && !lost(one.owner.connectionId) ? one.owner : undefined;
      const lostAtems = [...one.atems].filter(([, id]) => lost(id));
      expect(effects.map((effect) => effect.connectionId)).toEqual(
        owner ? lostAtems.map(() => owner.connectionId) : [],
      );
      const staying = [...one.atems].filter(([, id]) => !lost(id));
      if (left) expect([...left.atems]).toEqual(staying);
      else expect(staying).toEqual([]);
    }),
  );
});
