import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { AstationKey } from '../support/astation-key.ts';
import { useDatabase } from '../support/database.ts';
import { type RelayServer, useRelayServer, withRelayServer } from '../support/relay-server.ts';
import {
  type AstationSocket,
  openAstation,
  openAtem,
  openVerified,
  type SocketOptions,
  type TestSocket,
} from '../support/sockets.ts';

const database = useDatabase();
const DEFAULTS = readConfig({}).relayLimits;
const slow = { ...DEFAULTS, framesPerSecond: 100, framesPerAddress: 100, unprovedPerSecond: 100 };
const server = useRelayServer(database, { config: { relayLimits: slow } });

interface Guest {
  socket: TestSocket;
  atemId: string;
  id: string;
}

async function join(owner: AstationSocket, base: string, options: SocketOptions = {}): Promise<Guest> {
  const atemId = `a-${randomUUID()}`;
  const socket = await openAtem(base, owner.code, atemId, options);
  return { socket, atemId, id: String((await owner.next()).connection_id) };
}

/** A room with an owner of this standing and atems. */
async function enter(standing: 'legacy' | 'verified', atems: number) {
  const code = `st-${randomUUID()}`;
  const owner =
    standing === 'legacy'
      ? await openAstation(server.url, code)
      : await openVerified(server.url, code, new AstationKey());
  const guests: TestSocket[] = [];
  while (guests.length < atems) guests.push((await join(owner, server.url)).socket);
  return { code, owner, guests };
}

const bytes = (n: number) => JSON.stringify({ type: 'x', fill: 'x'.repeat(n - 23) });

describe('a broadcast', () => {
  test.each(['legacy', 'verified'] as const)(
    'of a %s Astation counts for each atem that gets it, and no frame overtakes it',
    async (standing) => {
      const { owner, guests } = await enter(standing, 10);
      const from = performance.now();
      // 20 KiB for one atem are within the limit, for ten they are twice as much.
      owner.send(bytes(20 * 1024));
      owner.send('"after"');
      for (const guest of guests) {
        expect(await guest.nextText()).toBe(bytes(20 * 1024));
        expect(await guest.nextText()).toBe('"after"');
      }
      expect(performance.now() - from).toBeGreaterThan(500);
    },
  );

  test('that is small still counts for each atem', async () => {
    const { owner, guests } = await enter('legacy', 8);
    const from = performance.now();
    for (let n = 0; n < 50; n++) owner.send(String(n));
    for (let n = 0; n < 50; n++) for (const guest of guests) expect(await guest.nextText()).toBe(String(n));
    expect(performance.now() - from).toBeGreaterThan(500);
  });

  test('that waits to be counted is lost when its sender disconnects', async () => {
    const { code, owner, guests } = await enter('legacy', 10);
    owner.send(bytes(40 * 1024));
    await owner.leave();
    await expect.poll(async () => (await server.room(code))?.owner).toBeUndefined();
    expect(guests.flatMap((guest) => guest.takeWaiting())).toEqual([]);
  });
});

describe('the send queues of a server', () => {
  const NO_LIMITS = {
    controlPerMinute: 0,
    controlPerAddress: 0,
    framesPerSecond: 0,
    framesPerAddress: 0,
    unprovedPerSecond: 0,
  };
  // The least that the setting leaves: 8 MB for all sockets, 4 MB for those of one address.
  const small = () => ({
    databaseUrl: database.url,
    replicas: 1,
    config: { maxBytesInFlight: 1_048_576, relayLimits: NO_LIMITS },
  });
  const fill = 'x'.repeat(200_000);

  /** Sends everybody a frame of its own at a time, until one of those that do not read is being closed. */
  async function fillQueues(own: RelayServer, owner: AstationSocket, stuck: Guest[]) {
    const reader = await join(owner, own.url);
    for (const { socket } of stuck) socket.ws.pause();
    const isClosing = ({ id }: Guest) => !own.one.services.connections.has(id);
    for (let n = 0; !stuck.some(isClosing); n++) {
      for (const { atemId, id } of [...stuck, reader])
        owner.send({ atem_id: atemId, connection_id: id, payload: { n, fill } });
      expect((await reader.socket.next()).n).toBe(n);
    }
    return { reader, closing: stuck.filter(isClosing) };
  }

  test.each([
    ['of one address', ['127.0.0.2', '127.0.0.2']],
    ['of all addresses', ['127.0.0.2', '127.0.0.3', '127.0.0.4']],
  ])(
    'is bounded for the sockets %s: the slowest is closed with 1013, a reader stays',
    async (_name, addresses) => {
      await withRelayServer(small(), async (own) => {
        const owner = await openAstation(own.url, `st-${randomUUID()}`);
        const stuck: Guest[] = [];
        for (const from of addresses) stuck.push(await join(owner, own.url, { from }));
        const { reader, closing } = await fillQueues(own, owner, stuck);
        expect(closing).toHaveLength(1);
        const [slowest] = closing;
        slowest?.socket.ws.resume();
        expect(await slowest?.socket.closed()).toEqual({
          code: 1013,
          reason: 'too many bytes wait for slow connections; connect again',
        });
        owner.send('"the reader stays"');
        expect(await reader.socket.nextText()).toBe('"the reader stays"');
        for (const { socket } of stuck) if (socket !== slowest?.socket) expect(socket.ws.readyState).toBe(1);
      });
    },
  );

  test('counts a broadcast once for the sockets of an address: they share one buffer', async () => {
    await withRelayServer(small(), async (own) => {
      const owner = await openAstation(own.url, `st-${randomUUID()}`);
      const guests: Guest[] = [];
      while (guests.length < 10) guests.push(await join(owner, own.url));
      // To all of them five megabytes.
      const frame = bytes(500_000);
      owner.send(frame);
      for (const { socket } of guests) expect(await socket.nextText()).toBe(frame);
    });
  });
});
