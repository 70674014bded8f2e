import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEmbedded } from '../../../src/db/embedded/postgres.ts';
import { WRITE } from '../../../src/vault/write/batch-store.ts';
import { CREATE, makeVaultId } from '../../../src/vault/write/create-store.ts';
import { AstationKey } from '../../support/astation-key.ts';
import { type Answer, RestVaults } from '../../support/client.ts';
import { makeWorkshop } from '../../support/embedded.ts';
import { createSession, Program, stop } from '../../support/process.ts';
import { openAstation } from '../../support/sockets.ts';
import type { ATTACKS, Orders } from './attacker.ts';

const ATTACKER = fileURLToPath(new URL('./attacker.ts', import.meta.url));

/**
 * An attack fills every queue that it can within its first seconds, and then repeats itself. `npm run soak:neighbours`
 * attacks for longer.
 */
const ATTACK_MS = 1000 * Number(process.env.ATTACK_SECONDS ?? 8);
/** The victim appends and reads four times a second, because it may make 600 calls a minute. */
const TURN_MS = 250;
const MEGABYTE = 1_048_576;

const workshop = makeWorkshop();
let server: Program;
let url: string;
let victim: RestVaults;
let victimVault: string;
const orders = { sessions: [] as string[], vaultId: '', victimCode: 'victim-astation' };
const victimKey = new AstationKey();

/** Resident memory of the server's process, in bytes. @throws Error when the process has ended */
function residentBytes(): number {
  if (server.child.exitCode !== null || server.child.signalCode !== null) {
    throw new Error(`The server ended:\n${server.stderr.slice(-4000)}`);
  }
  return (
    1024 * Number(execFileSync('ps', ['-o', 'rss=', '-p', String(server.child.pid)], { encoding: 'utf8' }))
  );
}

/** Gives the attacker a vault whose view is 550 MB of JSON, and 2,500 vaults with the longest summaries. */
async function fillWorkSession(databaseUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const who = { work_session_id: 'st-mallory', client_id: 'mallory' };
  const create = async (vaultId: string, summary: string) => {
    await client.query(CREATE, [JSON.stringify({ vault_id: vaultId, summary, ...who }), 0]);
  };
  try {
    const large = makeVaultId();
    await create(large, 'large');
    for (let from = 0; from < 1400; from += 50) {
      const writes = Array.from({ length: 50 }, (_, place) => ({
        place,
        op: 'append',
        vault_id: large,
        ...who,
      }));
      const text = '\u0001'.repeat(65_536);
      await client.query(WRITE, [JSON.stringify(writes.map((write) => ({ ...write, text }))), 0, 0]);
    }
    for (let n = 0; n < 2500; n++) await create(makeVaultId(), '\u0001'.repeat(2048));
    return large;
  } finally {
    await client.end();
  }
}

beforeAll(async () => {
  const DATA_DIR = await workshop.folder();
  const env = { DATA_DIR, PORT: '0', LOG_LEVEL: 'warn', NODE_OPTIONS: '--max-old-space-size=512' };
  server = new Program(['serve'], env);
  [, url = ''] = await server.printed(/listens on (http:\S+)/);
  const database = await startEmbedded({
    dataDir: DATA_DIR,
    log: pino({ level: 'silent' }),
    owner: 'command',
  });
  orders.vaultId = await fillWorkSession(database.url);
  // One has 600 calls a minute, which an attacker who may enrol gets around.
  for (let n = 0; n < 4; n++) orders.sessions.push(await createSession({ DATA_DIR }, 'st-mallory'));
  victim = new RestVaults(url, {
    session: await createSession({ DATA_DIR }, 'st-victim'),
    clientId: 'victim',
  });
  victimVault = (await victim.create('unharmed')).body.vault_id;
  const astation = await openAstation(url, orders.victimCode);
  expect(await astation.prove(victimKey)).toMatchObject({ status: 'registered' });
  await astation.leave();
}, 180_000);

afterAll(async () => {
  await stop(server);
  await workshop.cleanUp();
});

/** @throws Error with the refusal, and the last lines of the server's log */
function demandServed({ status, body }: Answer): void {
  if (status === 200) return;
  throw new Error(
    `The victim was refused with ${status}: ${JSON.stringify(body)}\n${server.stderr.slice(-4000)}`,
  );
}

/** The victim's calls until something has ended: how long each took, in ms. @param look is called in each turn */
async function serveVictim(until: Promise<unknown>, look: () => void = residentBytes): Promise<number[]> {
  const took: number[] = [];
  let over = false;
  void until.finally(() => {
    over = true;
  });
  while (!over) {
    look();
    const from = performance.now();
    demandServed(await victim.append(victimVault, `${took.length}`));
    took.push(performance.now() - from);
    const read = performance.now();
    demandServed(await victim.read(victimVault, '&limit=20'));
    took.push(performance.now() - read);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, TURN_MS - (performance.now() - from))));
  }
  return took;
}

/** Of the calls of eight seconds, the second longest. */
const percentile98 = (took: number[]) =>
  took.toSorted((a, b) => a - b)[Math.ceil(0.98 * took.length) - 1] ?? Number.NaN;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function attack(name: keyof typeof ATTACKS): Promise<void> {
  const child = fork(ATTACKER, { execArgv: ['--import', 'tsx'] });
  await once(child, 'message');
  child.send({ ...orders, attack: name, url, ms: ATTACK_MS } satisfies Orders);
  await once(child, 'exit');
}

/** Reconnects the victim's Astation as often as the victim writes. @throws Error when one attempt is not verified */
async function reconnectVictim(until: Promise<unknown>): Promise<void> {
  let over = false;
  void until.finally(() => {
    over = true;
  });
  for (let tries = 0; !over || tries < 5; tries++) {
    const astation = await openAstation(url, orders.victimCode);
    expect(await astation.prove(victimKey)).toMatchObject({ status: 'verified' });
    await astation.leave();
    await pause(TURN_MS);
  }
}

describe('while one caller attacks, with default settings and a heap of 512 MB', () => {
  let before: number;
  beforeAll(async () => {
    before = percentile98(await serveVictim(pause(4000)));
  });

  test.each<keyof typeof ATTACKS>([
    'unbounded answers',
    'no back-pressure',
    'no fairness',
    'limits on requests only',
    'arrays that grow in a row',
    'strangers fill append-only tables',
    'unbounded lists',
    'slots that strangers can fill',
  ])('%s: a neighbour is served as before, and memory is bounded', async (name) => {
    const resident = residentBytes();
    let peak = resident;
    const look = () => {
      peak = Math.max(peak, residentBytes());
    };
    const attacked = attack(name);
    const [took] = await Promise.all([
      serveVictim(attacked, look),
      name === 'slots that strangers can fill' && reconnectVictim(attacked),
    ]);
    const during = percentile98(took);
    console.info(
      `${name}: p98 ${before.toFixed(0)} -> ${during.toFixed(0)} ms, resident ${(resident / MEGABYTE).toFixed(0)} -> ${(peak / MEGABYTE).toFixed(0)} MB`,
    );
    expect(during - before).toBeLessThan(250);
    expect(peak - resident).toBeLessThan(300 * MEGABYTE);
    await expect
      .poll(residentBytes, { timeout: 60_000, interval: 1000 })
      .toBeLessThan(resident + 150 * MEGABYTE);
  });
});
