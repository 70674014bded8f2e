import { describe, expect, test } from 'vitest';
import { displacePending } from '../../../src/relay/rooms/pending.ts';
import {
  joinAstation,
  joinAtem,
  leaveAstation,
  leaveAtem,
  refuseAstation,
  refuseAtem,
} from '../../../src/relay/rooms/room.ts';
import { openPairingRoom, type Room } from '../../../src/relay/rooms/state.ts';
import {
  arrival,
  CODE,
  challenge,
  event,
  pending,
  replaced,
  roomWith,
  shown,
  verifiedRoom,
} from './room-kit.ts';

const atem = (atemId: string, connectionId: string, now = 0) => ({ atemId, connectionId, now });
const pairing = openPairingRoom({ code: 'ABCD-2345', hostname: 'box', now: 0 });

describe('an atem that joins', () => {
  test('is announced to the owner', () => {
    const { room, effects } = joinAtem(roomWith('s1'), atem('a', 't1'));
    expect(shown(effects)).toEqual([event('s1', 'a@t1', 'connected')]);
    expect(room?.atems).toEqual(new Map([['a', 't1']]));
  });

  test('needs a room, and a pending Astation makes none', () => {
    expect(refuseAtem(undefined, 0)).toEqual({ status: 404, message: 'There is no room with this code.' });
    expect(refuseAtem(roomWith(pending('p1')), 0)?.status).toBe(404);
    const { room, effects, refused } = joinAtem(undefined, atem('a', 't1'));
    expect(room).toBeUndefined();
    expect(refused?.status).toBe(404);
    expect(shown(effects)).toEqual(['t1 x 1008 There is no room with this code.']);
  });

  test('may wait in a pairing room for ten minutes', () => {
    expect(refuseAtem(pairing, 599_999)).toBeUndefined();
    expect(refuseAtem(pairing, 600_000)).toEqual({ status: 410, message: 'This pairing code has expired.' });
    expect(joinAtem(pairing, atem('a', 't1', 600_000)).refused?.status).toBe(410);
  });

  test('replaces its own older socket, and only the new one is announced', () => {
    const { room, effects } = joinAtem(roomWith('s1', 'a@t1', 'b@t2'), atem('a', 't3'));
    expect(shown(effects)).toEqual([replaced('t1'), event('s1', 'a@t3', 'connected')]);
    expect(room?.atems).toEqual(
      new Map([
        ['a', 't3'],
        ['b', 't2'],
      ]),
    );
  });
});

describe('an atem that leaves', () => {
  test('is announced', () => {
    const { room, effects } = leaveAtem(roomWith('s1', 'a@t1'), atem('a', 't1'));
    expect(shown(effects)).toEqual([event('s1', 'a@t1', 'disconnected')]);
    expect(room?.atems.size).toBe(0);
  });

  test('a late close of a replaced socket changes nothing and is not announced', () => {
    const before = roomWith('s1', 'a@t1', 'a@t2');
    const { room, effects } = leaveAtem(before, atem('a', 't1'));
    expect(room).toBe(before);
    expect(effects).toEqual([]);
  });

  test('ends an identity room when it is the last, but never a pairing room', () => {
    const alone = leaveAstation(roomWith('s1', 'a@t1'), { connectionId: 's1', now: 5 }).room;
    expect(leaveAtem(alone, atem('a', 't1')).room).toBeUndefined();
    const waiting = joinAtem(pairing, atem('a', 't1')).room;
    expect(leaveAtem(waiting, atem('a', 't1')).room?.code).toBe('ABCD-2345');
  });
});

describe('an Astation that joins', () => {
  test('without a known key owns the room at once, after its challenge', () => {
    const { room, effects } = joinAstation(undefined, arrival('s1', { now: 7 }));
    expect(shown(effects)).toEqual([challenge('s1')]);
    expect(room).toMatchObject({
      code: CODE,
      kind: 'identity',
      hostname: 'identity',
      owner: {
        connectionId: 's1',
        standing: 'legacy',
        challenge: 'challenge of s1',
        challengeExpiresAt: 10_007,
      },
    });
  });

  test('gets the list of atems with their current sockets', () => {
    const waiting = leaveAstation(roomWith('s1', 'a@t1', 'b@t2', 'a@t3'), {
      connectionId: 's1',
      now: 1,
    }).room;
    const { effects } = joinAstation(waiting, arrival('s2'));
    expect(shown(effects)).toEqual([
      challenge('s2'),
      event('s2', 'a@t3', 'connected'),
      event('s2', 'b@t2', 'connected'),
    ]);
  });

  test('takes over a pairing room unchanged', () => {
    const { room } = joinAstation(pairing, arrival('s1', { code: 'ABCD-2345', now: 599_999 }));
    expect(room).toMatchObject({ kind: 'pairing', hostname: 'box', owner: { connectionId: 's1' } });
    expect(refuseAtem(room, 5_000_000)).toBeUndefined();
  });

  test('is refused for an expired pairing room', () => {
    const { room, effects, refused } = joinAstation(pairing, arrival('s1', { now: 600_000 }));
    expect(room).toBe(pairing);
    expect(refused?.status).toBe(410);
    expect(shown(effects)).toEqual(['s1 x 1008 This pairing code has expired.']);
  });

  test('with a known key is pending: the owner stays, and no socket is notified', () => {
    const before = verifiedRoom('s1', 'a@t1');
    const { room, effects } = joinAstation(before, arrival('p1', pending('p1')));
    expect(shown(effects)).toEqual([challenge('p1')]);
    expect(room).toEqual({
      ...before,
      pending: new Map([['p1', expect.objectContaining({ standing: 'pending' })]]),
    });
  });

  test('without a key, too, once the challenge of the one before has run out, replaces it', () => {
    const { room, effects } = joinAstation(roomWith('s1', 'a@t1'), arrival('s2', { now: 10_000 }));
    expect(shown(effects)).toEqual([challenge('s2'), event('s2', 'a@t1', 'connected'), replaced('s1')]);
    expect(room?.owner?.connectionId).toBe('s2');
    expect(room?.pending.size).toBe(0);
  });

  test('without a key, while the one before may still register, leaves it its chance', () => {
    const { room, effects } = joinAstation(roomWith('s1'), arrival('s2', { now: 9_999 }));
    expect(shown(effects)).toEqual([challenge('s2')]);
    expect(room?.owner?.connectionId).toBe('s2');
    expect(room?.pending.get('s1')).toMatchObject({ standing: 'pending', challengeExpiresAt: 10_000 });
  });

  test('of three racing sockets of one address, the oldest is closed', () => {
    const from = (connectionId: string) => arrival(connectionId, { address: 'same' });
    let room = joinAstation(undefined, from('s1')).room;
    room = joinAstation(room, from('s2')).room;
    room = joinAstation(room, from('s3')).room;
    const { effects } = joinAstation(room, from('s4'));
    expect(shown(effects)).toEqual([challenge('s4'), replaced('s3')]);
  });
});

describe('pending Astations', () => {
  const displaced = (id: string) => `${id} x 1013 newer connections wait to prove this key; connect again`;
  const from = (connectionId: string, address: string, more: object = {}) =>
    arrival(connectionId, { ...pending(connectionId), address, ...more });

  test('waiting sockets keep no other socket out', () => {
    expect(
      refuseAstation(roomWith(...Array.from({ length: 32 }, (_, i) => pending(`p${i}`))), 0),
    ).toBeUndefined();
  });

  test('are at most two of one address: the oldest is closed, in this room at once, in another by name', () => {
    const two = ['p1', 'p2'].reduce<Room | undefined>(
      (room, id, now) => joinAstation(room, from(id, 'x', { now })).room,
      undefined,
    );
    const here = ['p1', 'p2'].map((connectionId) => ({ code: CODE, connectionId }));
    const third = joinAstation(two, from('p3', 'x', { pendingOfAddress: here, now: 3 }));
    expect(shown(third.effects)).toEqual([challenge('p3'), displaced('p1')]);
    expect([...(third.room?.pending.keys() ?? [])]).toEqual(['p2', 'p3']);
    const there = { code: 'another room', connectionId: 'q1' };
    const fourth = joinAstation(
      third.room,
      from('p4', 'x', { pendingOfAddress: [there, ...here.slice(1)], now: 4 }),
    );
    expect(shown(fourth.effects)).toEqual([challenge('p4')]);
    expect(fourth.elsewhere).toEqual([there]);
    expect(joinAstation(two, from('p5', 'y', { now: 5 })).elsewhere).toEqual([]);
  });

  test('of a burst that saw the same neighbours only the newest two stay', () => {
    const crowd = ['a', 'b', 'c', 'd'].map((connectionId) => ({ code: 'elsewhere', connectionId }));
    const { elsewhere } = joinAstation(undefined, from('p1', 'x', { pendingOfAddress: crowd }));
    expect(elsewhere).toEqual(crowd.slice(0, 3));
  });

  test('are at most 32 in a room: the oldest of the address with the most is closed', () => {
    let room: Room | undefined;
    // The one that matters came first, and is alone at its address.
    const ids = ['genuine', ...Array.from({ length: 31 }, (_, i) => `p${i}`)];
    for (const [n, id] of ids.entries()) {
      const address = id === 'genuine' ? 'home' : `strangers ${n >> 1}`;
      room = joinAstation(room, from(id, address, { now: n })).room;
    }
    expect(room?.pending.size).toBe(32);
    for (let n = 0; n < 40; n++) {
      const over = joinAstation(room, from(`q${n}`, `more ${n}`, { now: 100 + n }));
      expect(over.effects).toHaveLength(2);
      expect(over.room?.pending.size).toBe(32);
      if (n < 15) expect(over.room?.pending.has('genuine')).toBe(true);
      room = over.room;
    }
  });

  test('a displaced socket of another room leaves it, unless it had left before', () => {
    const room = roomWith(pending('p1'), pending('p2'));
    const left = displacePending(room, 'p1');
    expect(shown(left.effects)).toEqual([displaced('p1')]);
    expect([...(left.room?.pending.keys() ?? [])]).toEqual(['p2']);
    expect(displacePending(left.room, 'p1')).toEqual({ room: left.room, effects: [] });
    expect(displacePending(left.room, 'p2').room).toBeUndefined();
  });
});

describe('an Astation that leaves', () => {
  test('leaves its atems where they are', () => {
    const { room, effects } = leaveAstation(roomWith('s1', 'a@t1'), { connectionId: 's1', now: 5 });
    expect(effects).toEqual([]);
    expect(room).toMatchObject({ owner: undefined, unattendedSince: 5, atems: new Map([['a', 't1']]) });
    expect(refuseAtem(room, 9_000_000)).toBeUndefined();
  });

  test('ends an identity room without other sockets', () => {
    expect(leaveAstation(roomWith('s1'), { connectionId: 's1', now: 5 }).room).toBeUndefined();
    expect(leaveAstation(roomWith(pending('p1')), { connectionId: 'p1', now: 5 }).room).toBeUndefined();
  });

  test('starts a pairing room’s ten minutes again', () => {
    const paired = joinAstation(pairing, arrival('s1')).room;
    const { room } = leaveAstation(paired, { connectionId: 's1', now: 5_000_000 });
    expect(refuseAtem(room, 5_599_999)).toBeUndefined();
    expect(refuseAtem(room, 5_600_000)?.status).toBe(410);
  });

  test('late, after it was replaced, changes nothing', () => {
    const room = joinAstation(roomWith('s1', 'a@t1'), arrival('s2', { now: 20_000 })).room;
    expect(leaveAstation(room, { connectionId: 's1', now: 20_001 }).room).toEqual(room);
  });
});

describe('an atem is evicted by its id: an atem that joined by a session', () => {
  const proven = { atemId: 'a', connectionId: 't1', session: 'one', now: 0 };
  const inside = joinAtem(roomWith('s1'), proven).room;

  test.each([
    ['a code', undefined],
    ['another session', 'two'],
  ])('stays when a socket with its id joins by %s, which is closed and not announced', (_, session) => {
    const { room, effects, refused } = joinAtem(inside, { ...proven, connectionId: 't2', session });
    expect(room).toBe(inside);
    expect(refused?.status).toBe(409);
    expect(shown(effects)).toEqual([`t2 x 1008 ${refused?.message}`]);
  });

  test('is replaced by a socket of the same session, and replaces one that joined by a code', () => {
    const { room } = joinAtem(inside, { ...proven, connectionId: 't2' });
    expect(room?.atems.get('a')).toBe('t2');
    const byCode = joinAtem(roomWith('s1', 'a@t1'), { ...proven, connectionId: 't2' }).room;
    expect(byCode?.proven.get('a')).toBe('one');
    expect(leaveAtem(byCode, { atemId: 'a', connectionId: 't2' }).room?.proven.size).toBe(0);
  });
});
