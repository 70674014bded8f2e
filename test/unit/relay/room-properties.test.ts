import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAstationFrame } from '../../../src/relay/frames/protocol.ts';
import { closeRoom, sweepRoom } from '../../../src/relay/rooms/end.ts';
import {
  astationProved,
  astationRejected,
  challengeExpired,
  keyForgotten,
  keyRegistered,
} from '../../../src/relay/rooms/identity.ts';
import { joinAstation, joinAtem, leaveAstation, leaveAtem } from '../../../src/relay/rooms/room.ts';
import { routeFromAstation, routeFromAtem } from '../../../src/relay/rooms/routing.ts';
import {
  type Effect,
  openPairingRoom,
  type Room,
  roomStatus,
  type Transition,
} from '../../../src/relay/rooms/state.ts';
import { arrival } from './room-kit.ts';

type Step =
  | { do: 'atem'; atemId: string; wait: number }
  | { do: 'astation'; address: string; wait: number }
  | {
      do: 'leave' | 'prove' | 'reject' | 'timeout' | 'atem says' | 'astation says';
      pick: number;
      wait: number;
    }
  | { do: 'register' | 'forget' | 'sweep' | 'delete'; wait: number };

const wait = fc.constantFrom(0, 1, 4_000, 11_000, 400_000);
const pick = fc.nat(1000);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('atem'), atemId: fc.constantFrom('a', 'b', 'c'), wait }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('astation'), address: fc.constantFrom('x', 'y'), wait }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constantFrom('leave', 'prove', 'reject', 'timeout', 'atem says', 'astation says'),
      pick,
      wait,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('register', 'forget', 'sweep', 'delete'), wait }),
  },
);

interface Socket {
  id: string;
  /** Undefined for an Astation's. */
  atemId?: string;
  open: boolean;
  /** Its end has been reported to the room. */
  left: boolean;
}

/** The edge as the rooms see it: sockets, a clock and a key store. */
class Edge {
  room: Room | undefined;
  now = 0;
  keyKnown = false;
  readonly sockets: Socket[] = [];

  constructor(room: Room | undefined) {
    this.room = room;
  }

  add(atemId?: string): Socket {
    const socket = {
      id: `c${this.sockets.length}`,
      ...(atemId !== undefined && { atemId }),
      open: true,
      left: false,
    };
    this.sockets.push(socket);
    return socket;
  }

  apply({ room, effects }: Transition) {
    this.room = room;
    this.carryOut(effects);
  }

  carryOut(effects: Effect[]) {
    for (const effect of effects) {
      const socket = this.sockets.find(({ id }) => id === effect.connectionId);
      expect(socket?.open, 'nothing is done to a socket that is closed').toBe(true);
      if (effect.type === 'close' && socket) socket.open = false;
      // A frame with content or about an atem is for the owner or an atem, never for one that is pending.
      if (effect.type === 'send' && !/"type":"relayAuth(Challenge|Result)"/.test(effect.text)) {
        expect(this.room?.pending.has(effect.connectionId)).not.toBe(true);
      }
    }
  }

  run(step: Step) {
    this.now += step.wait;
    if (step.do === 'atem') {
      const { id } = this.add(step.atemId);
      this.apply(joinAtem(this.room, { atemId: step.atemId, connectionId: id, now: this.now }));
    } else if (step.do === 'astation') this.astation(step.address);
    else if ('pick' in step) this.act(step.do, step.pick);
    else this.happen(step.do);
  }

  private astation(address: string) {
    const { id } = this.add();
    const pendingOfAddress = [...(this.room?.pending.values() ?? [])]
      .filter((other) => other.address === address)
      .map(({ connectionId }) => ({ code: this.room?.code ?? '', connectionId }));
    const more = { address, keyRegistered: this.keyKnown, pendingOfAddress, now: this.now };
    this.apply(joinAstation(this.room, arrival(id, more)));
  }

  private act(what: (Step & { pick: number })['do'], pick: number) {
    const socket = this.sockets[pick % Math.max(1, this.sockets.length)];
    if (!socket) return;
    const { id, atemId } = socket;
    if (what === 'leave') this.leave(socket);
    if (what === 'atem says' && atemId !== undefined) {
      const effects = routeFromAtem(this.room, { atemId, connectionId: id, text: 'hi' });
      expect(effects.length).toBe(this.room?.owner && this.room.atems.get(atemId) === id ? 1 : 0);
      this.carryOut(effects);
    }
    if (atemId !== undefined) return;
    if (what === 'astation says') this.hear(id);
    if (what === 'reject')
      this.apply(astationRejected(this.room, { connectionId: id, message: 'no', now: this.now }));
    if (what === 'timeout') this.apply(challengeExpired(this.room, { connectionId: id, now: this.now }));
    if (what === 'prove') {
      const status = this.keyKnown ? 'verified' : 'registered';
      this.keyKnown = true;
      this.apply(astationProved(this.room, { connectionId: id, status, now: this.now }));
    }
  }

  private hear(id: string) {
    const effects = routeFromAstation(this.room, {
      connectionId: id,
      frame: parseAstationFrame('{"type":"x"}'),
    });
    const heard = this.room?.owner?.connectionId === id;
    expect(effects.length).toBe(heard ? this.room?.atems.size : 0);
    this.carryOut(effects);
  }

  /** Any socket may report its end at any time, also long after it was closed or replaced. */
  private leave(socket: Socket) {
    const current = this.room?.atems;
    const { id, atemId } = socket;
    socket.open = false;
    socket.left = true;
    if (atemId === undefined)
      return this.apply(leaveAstation(this.room, { connectionId: id, now: this.now }));
    const stale = current?.get(atemId) !== id;
    this.apply(leaveAtem(this.room, { atemId, connectionId: id }));
    if (stale) expect(this.room?.atems, 'a late close removes nobody').toEqual(current);
  }

  private happen(what: 'register' | 'forget' | 'sweep' | 'delete') {
    if (what === 'sweep' && this.room) this.apply(sweepRoom(this.room, this.now));
    if (what === 'delete') this.apply(closeRoom(this.room, this.keyKnown));
    if (what === 'register') this.apply(keyRegistered(this.room, this.now));
    if (what === 'forget') this.apply(keyForgotten(this.room, this.now));
    if (what === 'register' || what === 'forget') this.keyKnown = what === 'register';
  }

  check() {
    const { room } = this;
    const open = this.sockets.filter((socket) => socket.open);
    const owner = room?.owner?.connectionId;
    const pending = [...(room?.pending.keys() ?? [])];
    const atems = [...(room?.atems.values() ?? [])];
    const members = [...(owner === undefined ? [] : [owner]), ...pending, ...atems];
    expect(new Set(members).size, 'each socket has one place').toBe(members.length);
    expect([...members].sort(), 'members are the open sockets').toEqual(open.map(({ id }) => id).sort());
    const counted = open.filter(({ atemId }) => atemId !== undefined);
    expect(roomStatus(room, this.now)?.atem_count ?? 0, 'every atem counts').toBe(counted.length);
    for (const { id, atemId } of counted) expect(room?.atems.get(atemId ?? '')).toBe(id);
    for (const other of room?.pending.values() ?? []) expect(other.standing).toBe('pending');
    for (const address of ['x', 'y']) {
      const waiting = [...(room?.pending.values() ?? [])].filter((other) => other.address === address);
      expect(waiting.length).toBeLessThanOrEqual(2);
    }
    expect(room?.pending.size ?? 0).toBeLessThanOrEqual(32);
    if (this.keyKnown) expect(room?.owner?.standing, 'a known key is needed to own').not.toBe('legacy');
  }
}

test.each([
  ['an identity room', () => undefined],
  ['a pairing room', () => openPairingRoom({ code: 'ABCD-2345', hostname: 'box', now: 0 })],
])('for any order of events, %s keeps its invariants', (_name, open) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const edge = new Edge(open());
      for (const each of steps) {
        edge.run(each);
        edge.check();
      }
    }),
    { numRuns: 500 },
  );
});
