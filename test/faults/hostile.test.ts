import { randomBytes } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { attack, drip, forever, whileOthersAreServed } from '../support/attack.ts';
import { RestVaults } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';
import { openAstation } from '../support/sockets.ts';

const MANY = 300;
const GIGABYTE = 1_073_741_824;

const database = useDatabase();
const server = useServer(database);

let session: string;
let vaults: RestVaults;
beforeAll(async () => {
  session = await server.login('st');
  vaults = new RestVaults(server.url, { session, clientId: 'other' });
});

const post = (headers: string) =>
  `POST /api/vault?id=a HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: session ${session}\r\ncontent-type: application/json\r\n${headers}\r\n\r\n`;

test(`${MANY} clients that send their headers one by one are cut, and others are served`, async () => {
  await whileOthersAreServed(vaults, async () => {
    const attackers = await Promise.all(Array.from({ length: MANY }, () => attack(server.url)));
    for (const attacker of attackers) {
      attacker.socket.write('GET /api/vault?id=a HTTP/1.1\r\nhost: 127.0.0.1\r\n');
      drip(attacker, forever('x-more: 1\r\n'));
    }
    await Promise.all(attackers.map(({ ended }) => ended));
    expect(new Set(attackers.map(({ received }) => received().slice(0, 12)))).toEqual(
      new Set(['HTTP/1.1 408']),
    );
  });
});

test(`${MANY} clients that send their bodies byte by byte are cut, and others are served`, async () => {
  await whileOthersAreServed(vaults, async () => {
    const attackers = await Promise.all(Array.from({ length: MANY }, () => attack(server.url)));
    for (const attacker of attackers) {
      attacker.socket.write(post('content-length: 1000'));
      drip(attacker, forever(' '));
    }
    await Promise.all(attackers.map(({ ended }) => ended));
    expect(new Set(attackers.map(({ received }) => received().slice(0, 12)))).toEqual(
      new Set(['HTTP/1.1 408']),
    );
  });
});

test('a body with a content-length of 1 GB is refused before it arrives', async () => {
  await whileOthersAreServed(vaults, async () => {
    const attacker = await attack(server.url);
    attacker.socket.write(post(`content-length: ${GIGABYTE}`));
    await expect.poll(attacker.received).toMatch(/^HTTP\/1\.1 413 /);
    attacker.socket.destroy();
  });
});

test('a chunked body of 1 GB is read only up to the limit', async () => {
  const before = process.memoryUsage().rss;
  await whileOthersAreServed(vaults, async () => {
    const attacker = await attack(server.url);
    const { socket } = attacker;
    const chunk = Buffer.alloc(65_536, ' ');
    const piece = Buffer.concat([Buffer.from('10000\r\n'), chunk, Buffer.from('\r\n')]);
    socket.write(post('transfer-encoding: chunked'));
    let sent = 0;
    const send = () => {
      while (!socket.destroyed && sent < GIGABYTE) {
        sent += chunk.length;
        if (!socket.write(piece)) {
          socket.once('drain', send);
          return;
        }
      }
    };
    send();
    await attacker.ended;
    // Whoever goes on sending may find the connection ended before he reads why.
    expect(attacker.received()).toMatch(/^(HTTP\/1\.1 413 |$)/);
    expect(sent).toBeLessThan(GIGABYTE / 10);
  });
  expect(process.memoryUsage().rss - before).toBeLessThan(300_000_000);
});

test('a body of 1 GB of an unknown caller is not read', async () => {
  const attacker = await attack(server.url);
  attacker.socket.write(post(`content-length: ${GIGABYTE}`).replace(session, 'unknown'));
  await expect.poll(attacker.received).toMatch(/^HTTP\/1\.1 401 /);
  attacker.socket.destroy();
});

test('a compressed frame is never unpacked: the server does not negotiate compression, and closes the socket', async () => {
  const astation = await openAstation(server.url, 'st');
  await whileOthersAreServed(vaults, async () => {
    const polite = new WebSocket(`${server.url.replace('http', 'ws')}/ws?role=atem&code=st&atem_id=polite`, {
      perMessageDeflate: true,
    });
    await new Promise((resolve) => polite.once('open', resolve));
    expect(polite.extensions).toBe('');
    polite.terminate();

    const attacker = await attack(server.url);
    const key = randomBytes(16).toString('base64');
    attacker.socket.write(
      `GET /ws?role=atem&code=st&atem_id=bomb HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\nsec-websocket-extensions: permessage-deflate\r\n\r\n`,
    );
    await expect.poll(attacker.received).toMatch(/^HTTP\/1\.1 101 /);
    expect(attacker.received()).not.toMatch(/permessage-deflate/i);
    const bomb = deflateRawSync(Buffer.alloc(50_000_000));
    // A final text frame with the bit that says "compressed", masked with zeros.
    const head = Buffer.from([0xc1, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    head.writeBigUInt64BE(BigInt(bomb.length), 2);
    attacker.socket.write(Buffer.concat([head, bomb]));
    await attacker.ended;
  });
  await astation.leave();
});
