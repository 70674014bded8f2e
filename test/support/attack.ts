import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import type { RestVaults } from './client.ts';

/** One connection of an attacker, and the bytes that it received. */
export interface Attacker {
  socket: Socket;
  received(): string;
  ended: Promise<unknown>;
}

/** Opens a connection and records the bytes that it receives. */
export async function attack(url: string): Promise<Attacker> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.on('error', () => undefined); // 'close' follows
  const ended = new Promise((resolve) => socket.once('close', resolve));
  await once(socket, 'connect');
  return { socket, received: () => text, ended };
}

/** Sends the pieces slowly, one after the other, until none is left or the connection ends. */
export function drip({ socket }: Attacker, pieces: Iterator<string>): void {
  const timer = setInterval(() => {
    const piece = pieces.next();
    if (piece.done) clearInterval(timer);
    else socket.write(piece.value);
  }, 200);
  socket.once('close', () => clearInterval(timer));
}

export function* forever(piece: string): Generator<string> {
  for (;;) yield piece;
}

/** Pause of the other client, because without it the client would take the CPU from concurrent tests. */
const PACE_MS = 50;

/** Runs an attack while another client writes and reads. @throws when the server does not serve that client */
export async function whileOthersAreServed(vaults: RestVaults, attackIt: () => Promise<void>): Promise<void> {
  const vaultId = (await vaults.create('unharmed')).body.vault_id;
  let over = false;
  const others = (async () => {
    let calls = 0;
    do {
      const from = performance.now();
      expect((await vaults.append(vaultId, `${++calls}`)).status).toBe(200);
      expect((await vaults.read(vaultId, `&since=${calls}`)).status).toBe(200);
      expect(performance.now() - from).toBeLessThan(5000);
      await pause(PACE_MS);
    } while (!over);
    return calls;
  })();
  const attacked = attackIt().finally(() => {
    over = true;
  });
  await Promise.all([attacked, others]);
}
