import { describe, expect, test } from 'vitest';
import {
  astationOf,
  astationProved,
  astationRejected,
  challengeExpired,
  keyForgotten,
  keyRegistered,
} from '../../../src/relay/rooms/identity.ts';
import { joinAstation } from '../../../src/relay/rooms/room.ts';
import { arrival, event, pending, replaced, result, roomWith, shown, verifiedRoom } from './room-kit.ts';

const proof = (connectionId: string, status: 'registered' | 'verified' = 'verified', now = 100) => ({
  connectionId,
  status,
  now,
});

describe('astationProved', () => {
  test('makes a legacy owner a verified one', () => {
    const { room, effects } = astationProved(roomWith('s1', 'a@t1'), proof('s1', 'registered'));
    expect(shown(effects)).toEqual([result('s1', 'registered', 'key registered')]);
    expect(room?.owner).toMatchObject({ connectionId: 's1', standing: 'verified' });
  });

  test('makes a pending socket the owner and replaces the one before', () => {
    const { room, effects } = astationProved(verifiedRoom('s1', 'a@t1', pending('p1')), proof('p1'));
    expect(shown(effects)).toEqual([
      result('p1', 'verified', 'key verified'),
      event('p1', 'a@t1', 'connected'),
      replaced('s1'),
    ]);
    expect(room?.owner).toMatchObject({ connectionId: 'p1', standing: 'verified' });
    expect(room?.pending.size).toBe(0);
  });

  test('of two that race to register, whichever is first owns the room and the other waits for its answer', () => {
    const racing = roomWith('s1', 's2');
    const first = astationProved(racing, proof('s1', 'registered'));
    expect(shown(first.effects)).toEqual([result('s1', 'registered', 'key registered')]);
    expect(first.room?.owner?.connectionId).toBe('s1');
    expect([...(first.room?.pending.keys() ?? [])]).toEqual(['s2']);
    const second = astationRejected(first.room, { connectionId: 's2', message: 'another key', now: 101 });
    expect(shown(second.effects)).toEqual([
      result('s2', 'rejected', 'another key'),
      's2 x 1008 identity proof rejected',
    ]);
    expect(second.room?.owner?.connectionId).toBe('s1');
    expect(second.room?.pending.size).toBe(0);
  });

  test('by a closed socket still takes the room from an owner without proof', () => {
    const { room, effects } = astationProved(roomWith('s2', 'a@t1'), proof('s1', 'registered', 20_000));
    expect(shown(effects)).toEqual([replaced('s2')]);
    expect(room?.owner).toBeUndefined();
    expect(room?.atems.size).toBe(1);
  });
});

describe('astationRejected', () => {
  test('answers, closes and leaves the owner alone', () => {
    const before = verifiedRoom('s1', 'a@t1', pending('p1'));
    const { room, effects } = astationRejected(before, { connectionId: 'p1', message: 'no', now: 1 });
    expect(shown(effects)).toEqual([result('p1', 'rejected', 'no'), 'p1 x 1008 identity proof rejected']);
    expect(room).toEqual({ ...before, pending: new Map() });
  });

  test('takes the room from a legacy owner that tried and failed', () => {
    const { room, effects } = astationRejected(roomWith('s1'), { connectionId: 's1', message: 'no', now: 1 });
    expect(effects).toHaveLength(2);
    expect(room).toBeUndefined();
  });

  test('of a closed socket sends nothing', () => {
    expect(astationRejected(roomWith('s1'), { connectionId: 'x', message: 'no', now: 1 }).effects).toEqual(
      [],
    );
  });
});

describe('challengeExpired', () => {
  test('rejects a pending socket', () => {
    const { room, effects } = challengeExpired(verifiedRoom('s1', pending('p1')), {
      connectionId: 'p1',
      now: 1,
    });
    expect(shown(effects)).toEqual([
      result('p1', 'rejected', 'the challenge was not answered in time'),
      'p1 x 1008 identity proof rejected',
    ]);
    expect(room?.pending.size).toBe(0);
  });

  test.each([roomWith('s1'), verifiedRoom('s1')])('leaves an owner alone', (before) => {
    expect(challengeExpired(before, { connectionId: 's1', now: 1 })).toEqual({ room: before, effects: [] });
  });
});

describe('keyRegistered', () => {
  test('makes a legacy owner wait, or closes it when its challenge has run out', () => {
    const waiting = keyRegistered(roomWith('s1', 'a@t1'), 9_999);
    expect(waiting.effects).toEqual([]);
    expect(waiting.room?.owner).toBeUndefined();
    expect(astationOf(waiting.room, 's1')?.standing).toBe('pending');
    const closed = keyRegistered(roomWith('s1', 'a@t1'), 10_000);
    expect(shown(closed.effects)).toEqual([replaced('s1')]);
    expect(astationOf(closed.room, 's1')).toBeUndefined();
  });

  test('does nothing to a verified owner', () => {
    const before = verifiedRoom('s1');
    expect(keyRegistered(before, 1)).toEqual({ room: before, effects: [] });
  });
});

describe('keyForgotten', () => {
  test('closes only the verified owner', () => {
    const { room, effects } = keyForgotten(verifiedRoom('s1', 'a@t1', pending('p1')), 1);
    expect(shown(effects)).toEqual(['s1 x 1008 the key of this Astation was forgotten']);
    expect(room?.owner).toBeUndefined();
    expect(room?.atems.size).toBe(1);
    expect(room?.pending.size).toBe(1);
  });

  test('leaves a legacy owner alone', () => {
    const before = roomWith('s1');
    expect(keyForgotten(before, 1)).toEqual({ room: before, effects: [] });
  });
});

test('astationOf finds only owner and pending sockets', () => {
  const { room } = joinAstation(verifiedRoom('s1', 'a@t1'), arrival('p1', pending('p1')));
  expect(astationOf(room, 's1')?.standing).toBe('verified');
  expect(astationOf(room, 'p1')?.challenge).toBe('challenge of p1');
  expect(astationOf(room, 't1')).toBeUndefined();
  expect(astationOf(undefined, 's1')).toBeUndefined();
});
