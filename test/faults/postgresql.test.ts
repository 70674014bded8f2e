import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import type { EmbeddedDatabase } from '../../src/db/embedded/postgres.ts';
import { SessionStore } from '../../src/session/store.ts';
import { RestVaults } from '../support/client.ts';
import { eventually, isAlive, makeWorkshop, postmasterOf } from '../support/embedded.ts';
import { fillFolder } from '../support/process.ts';
import { type RelayServer, startRelayServer } from '../support/relay-server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const ROUNDS = 6;
const WRITERS = 8;
/** Acknowledged writes of a round before the database is taken away, in the middle of the others. */
const BEFORE_END = 40;
/** Within which everything works again once the database is back. */
const RECOVERY_MS = 10_000;

const workshop = makeWorkshop();
afterAll(() => workshop.cleanUp());

/** Takes the database away. */
type End = (database: EmbeddedDatabase) => Promise<void>;

const killHard: End = async ({ clusterDir }) => {
  const postmaster = await postmasterOf(clusterDir);
  process.kill(postmaster, 'SIGKILL');
  await eventually('the killed PostgreSQL has ended', () => !isAlive(postmaster));
};
const stopGently: End = (database) => database.stop();

/** A server that reaches its PostgreSQL at one address, wherever that starts next. */
async function withServer(
  work: (parts: { server: RelayServer; restart: (end: End) => Promise<void> }) => Promise<void>,
) {
  const folder = await workshop.folder();
  await fillFolder(folder);
  let database = await workshop.start(folder);
  const proxy = await TcpProxy.to(database.url);
  const server = await startRelayServer(proxy.url);
  const restart = async (end: End) => {
    await end(database);
    database = await workshop.start(folder);
    proxy.leadTo(database.url);
  };
  try {
    await work({ server, restart });
  } finally {
    await server.stop();
    await proxy.stop();
  }
}

test.each<[what: string, rounds: number, end: End]>([
  ['kill -9', ROUNDS, killHard],
  ['a restart', 2, stopGently],
])(
  'after %s of PostgreSQL in the middle of writes, %d times: all acknowledged ones are there, and the server goes on',
  async (_, rounds, end) => {
    await withServer(async ({ server, restart }) => {
      const session = randomUUID();
      await new SessionStore(server.one.services.db).createGranted(session, {
        hostname: 'h',
        astationId: 'st',
      });
      const vaults = new RestVaults(server.url, { session, clientId: 'storm' });
      const vaultId = (await vaults.create('storm')).body.vault_id;
      const acknowledged = new Map<string, number>();

      for (let round = 0; round < rounds; round++) {
        let [written, ended] = [0, false];
        let endNow: () => void = () => undefined;
        const enough = new Promise<void>((resolve) => {
          endNow = resolve;
        });
        const write = async (writer: number) => {
          for (let n = 0; !ended; n++) {
            const text = `${round}.${writer}.${n}`;
            const { status, body } = await vaults.append(vaultId, text);
            expect([200, 503]).toContain(status);
            if (status === 503) return;
            acknowledged.set(text, body.seq);
            if (++written === BEFORE_END) endNow();
          }
        };
        const writers = Array.from({ length: WRITERS }, (_, writer) => write(writer));
        await enough;
        await restart(end);
        await expect
          .poll(async () => (await vaults.append(vaultId, `${round}.back`)).status, { timeout: RECOVERY_MS })
          .toBe(200);
        ended = true;
        await Promise.all(writers);
      }

      const rows = (await vaults.read(vaultId, '&history=true')).body;
      const seqs = new Map(rows.map((row) => [row.content, row.seq]));
      for (const [text, seq] of acknowledged) expect(seqs.get(text)).toBe(seq);
      expect(rows.map((row) => row.entry_no)).toEqual(rows.map((_, i) => i + 1));
    });
  },
);
