import pg from 'pg';
import { APPLICATION_ROLE } from '../../src/db/pool.ts';
import { WRITE } from '../../src/vault/write/batch-store.ts';
import { CREATE } from '../../src/vault/write/create-store.ts';

const SECONDS = 3;
const VAULTS = 512;

const idOf = (n: number) => `v-w${String(n).padStart(9, '0')}`;

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`SET ROLE ${APPLICATION_ROLE}`);
  return client;
}

interface Load {
  vaults: number;
  size: number;
  connections: number;
}

/** Writes for `SECONDS`. @returns the number of acknowledged statements */
async function writeFor(
  client: pg.Client,
  { vaults, size, connections }: Load,
  lane: number,
): Promise<number> {
  const until = performance.now() + SECONDS * 1000;
  let statements = 0;
  for (let n = 0; performance.now() < until; n++) {
    const writes = Array.from({ length: size }, (_, place) => ({
      place,
      op: 'append',
      vault_id: idOf(((n * size + place) * connections + lane) % vaults),
      work_session_id: 'astation-1',
      client_id: 'ann',
      text: 'x'.repeat(200),
    }));
    await client.query({ name: 'write', text: WRITE, values: [JSON.stringify(writes), 0, 0] });
    statements++;
  }
  return statements;
}

/** @returns lines of a table: the rate of writes, by the number of writes that share a statement and its flush to disk */
export async function measureWrites(url: string): Promise<string[][]> {
  const clients = await Promise.all(Array.from({ length: 8 }, () => connect(url)));
  const [client] = clients;
  for (let n = 0; n < VAULTS; n++) {
    const creation = { vault_id: idOf(n), summary: '', work_session_id: 'astation-1', client_id: 'ann' };
    await client?.query(CREATE, [JSON.stringify(creation), 0]);
  }
  const lines: string[][] = [];
  for (const vaults of [1, VAULTS]) {
    for (const size of [1, 8, 32, 128]) {
      for (const connections of vaults === 1 || size === 32 ? [1] : [1, 8]) {
        const load = { vaults, size, connections };
        const counts = await Promise.all(clients.slice(0, connections).map((it, i) => writeFor(it, load, i)));
        const perSecond = counts.reduce((a, b) => a + b) / SECONDS;
        lines.push(
          [vaults, size, connections, Math.round(perSecond), Math.round(perSecond * size)].map(String),
        );
      }
    }
  }
  await Promise.all(clients.map((it) => it.end()));
  return lines;
}
