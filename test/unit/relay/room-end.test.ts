import { describe, expect, test } from 'vitest';
import { closeRoom, sweepRoom } from '../../../src/relay/rooms/end.ts';
import { joinAstation, joinAtem, leaveAstation } from '../../../src/relay/rooms/room.ts';
import { openPairingRoom, type Room, roomStatus } from '../../../src/relay/rooms/state.ts';
import { arrival, pending, roomWith, shown, verifiedRoom } from './room-kit.ts';

const pairing = openPairingRoom({ code: 'ABCD-2345', hostname: 'box', now: 0 });
const withAtem = joinAtem(pairing, { atemId: 'a', connectionId: 't1', now: 0 }).room as Room;
const paired = joinAstation(withAtem, arrival('s1')).room as Room;

describe('roomStatus', () => {
  test.each([
    [
      'waiting',
      pairing,
      {
        paired: false,
        hostname: 'box',
        atem_count: 0,
        atem_connected: false,
        astation_connected: false,
        expired: false,
      },
    ],
    [
      'atem only',
      withAtem,
      {
        paired: false,
        hostname: 'box',
        atem_count: 1,
        atem_ids: ['a'],
        atem_connected: true,
        astation_connected: false,
        expired: false,
      },
    ],
    [
      'paired',
      paired,
      {
        paired: true,
        hostname: 'box',
        atem_count: 1,
        atem_ids: ['a'],
        atem_connected: true,
        astation_connected: true,
        expired: false,
      },
    ],
    [
      'identity room, one atem replaced',
      roomWith('s1', 'a@t1', 'b@t2', 'a@t3'),
      {
        paired: true,
        hostname: 'identity',
        atem_count: 2,
        atem_ids: ['a', 'b'],
        atem_connected: true,
        astation_connected: true,
        expired: false,
      },
    ],
  ])('%s', (_name, room, expected) => {
    expect(roomStatus(room, 599_999)).toEqual(expected);
  });

  test('reports an expired code, but never while an Astation is connected', () => {
    expect(roomStatus(pairing, 600_000)?.expired).toBe(true);
    expect(roomStatus(paired, 9_000_000)?.expired).toBe(false);
    expect(
      roomStatus(leaveAstation(roomWith('s1', 'a@t1'), { connectionId: 's1', now: 0 }).room, 9_000_000)
        ?.expired,
    ).toBe(false);
  });

  test('knows no room where only pending sockets are', () => {
    expect(roomStatus(roomWith(pending('p1')), 0)).toBeUndefined();
    expect(roomStatus(undefined, 0)).toBeUndefined();
  });
});

describe('closeRoom', () => {
  test('closes every socket', () => {
    const { room, effects } = closeRoom(verifiedRoom('s1', 'a@t1', pending('p1')), false);
    expect(room).toBeUndefined();
    expect(shown(effects)).toEqual(['t1', 'p1', 's1'].map((id) => `${id} x 1000 the room was closed`));
  });

  test('does not change the room of a registered Astation, nor an unknown one', () => {
    expect(closeRoom(paired, true)).toMatchObject({ room: paired, effects: [], refused: { status: 409 } });
    expect(closeRoom(undefined, true).refused?.status).toBe(409);
    expect(closeRoom(undefined, false)).toMatchObject({ effects: [], refused: { status: 404 } });
  });
});

describe('sweepRoom', () => {
  test('keeps unexpired rooms', () => {
    for (const room of [withAtem, paired]) expect(sweepRoom(room, 599_999)).toEqual({ room, effects: [] });
    expect(sweepRoom(paired, 9_000_000)).toEqual({ room: paired, effects: [] });
  });

  test('closes the atems of an expired room, answers 410 for a while, then forgets it', () => {
    const { room, effects } = sweepRoom(withAtem, 600_000);
    expect(shown(effects)).toEqual(['t1 x 1008 the pairing code has expired']);
    expect(roomStatus(room, 600_000)).toMatchObject({ atem_count: 0, expired: true });
    expect(sweepRoom(room as Room, 1_199_999).room).toBe(room);
    expect(sweepRoom(room as Room, 1_200_000)).toEqual({ room: undefined, effects: [] });
  });

  test('keeps even a long expired room for an Astation that is about to prove its key', () => {
    const { room } = joinAstation(pairing, arrival('p1', { keyRegistered: true }));
    expect(sweepRoom(room as Room, 1_200_000)).toEqual({ room, effects: [] });
    expect(sweepRoom(pairing, 1_200_000).room).toBeUndefined();
  });
});
