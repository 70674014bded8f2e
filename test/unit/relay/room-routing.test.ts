import { describe, expect, test } from 'vitest';
import { parseAstationFrame } from '../../../src/relay/frames/protocol.ts';
import { joinAstation, leaveAstation } from '../../../src/relay/rooms/room.ts';
import { routeFromAstation, routeFromAtem } from '../../../src/relay/rooms/routing.ts';
import { arrival, pending, roomWith, shown, verifiedRoom } from './room-kit.ts';

const said = (connectionId: string, text: string) => ({ connectionId, frame: parseAstationFrame(text) });
const envelope = (atem: string, payload: string) => {
  const [atemId, connectionId] = atem.split('@');
  return `{"atem_id":"${atemId}","connection_id":"${connectionId}","payload":${payload}}`;
};

/** An atem whose Astation has gone, and an impostor who waits. */
const onlyPending = joinAstation(
  leaveAstation(roomWith('s1', 'a@t1'), { connectionId: 's1', now: 1 }).room,
  arrival('p1', pending('p1')),
).room;

describe('routeFromAtem', () => {
  test('wraps the frame for the owner', () => {
    const effects = routeFromAtem(roomWith('s1', 'a@t1'), {
      atemId: 'a',
      connectionId: 't1',
      text: '{"x":1}',
    });
    expect(shown(effects)).toEqual([`s1 < ${envelope('a@t1', '{"x":1}')}`]);
  });

  test.each([
    ['there is no owner', leaveAstation(roomWith('s1', 'a@t1'), { connectionId: 's1', now: 1 }).room],
    ['an Astation is only pending', onlyPending],
    ['the socket was replaced', roomWith('s1', 'a@t1', 'a@t2')],
    ['the room is gone', undefined],
  ])('is dropped when %s', (_name, room) => {
    expect(routeFromAtem(room, { atemId: 'a', connectionId: 't1', text: 'x' })).toEqual([]);
  });
});

describe('routeFromAstation', () => {
  const room = roomWith('s1', 'a@t1', 'b@t2', 'a@t3');

  test('gives one atem its payload, on its current socket', () => {
    expect(shown(routeFromAstation(room, said('s1', envelope('a@t3', '{"n": 1.0}'))))).toEqual([
      't3 < {"n": 1.0}',
    ]);
  });

  test.each([
    ['of a replaced socket', envelope('a@t1', '1')],
    ['of another atem', envelope('b@t3', '1')],
    ['of nobody', envelope('c@t3', '1')],
    ['that is no envelope', '{"atem_id":"a","payload":1}'],
    ['for the relay', '{"type":"relayBind","session_id":"s"}'],
    ['for some other relay', '{"type":"relayAccountList"}'],
  ])('loses a frame %s', (_name, text) => {
    expect(routeFromAstation(room, said('s1', text))).toEqual([]);
  });

  test('forwards a frame without atem_id to every atem, byte for byte', () => {
    const effects = routeFromAstation(room, said('s1', ' {"type":"x" , "n":1e2}'));
    expect(shown(effects)).toEqual(['t3 <  {"type":"x" , "n":1e2}', 't2 <  {"type":"x" , "n":1e2}']);
  });

  test('ignores pending and unknown sockets', () => {
    const impostor = verifiedRoom('s1', 'a@t1', pending('p1'));
    expect(routeFromAstation(impostor, said('p1', '{"type":"x"}'))).toEqual([]);
    expect(routeFromAstation(impostor, said('p1', envelope('a@t1', '1')))).toEqual([]);
    expect(routeFromAstation(impostor, said('t1', '{"type":"x"}'))).toEqual([]);
    expect(routeFromAstation(undefined, said('s1', '{"type":"x"}'))).toEqual([]);
  });
});
