import { setTimeout as pause } from 'node:timers/promises';
import pino from 'pino';
import type { Caller } from '../../src/access/policy.ts';
import type { Database } from '../../src/db/client.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { IndexBuilder } from '../../src/vault/search/index/builder-store.ts';
import { Indexer } from '../../src/vault/search/index/indexer.ts';
import { VaultStore } from '../../src/vault/store.ts';
import { median } from '../stats.ts';
import { makeRandom, makeTexts } from './texts.ts';

const WRITERS = 64;
const SECONDS = 6;
const ROUNDS = 3;

/** Appends by many callers into their vaults for some time. @param every ms between the writes of one; 0: at once @returns writes a second */
async function append(
  store: VaultStore,
  caller: Caller,
  { vaults, every }: { vaults: readonly string[]; every: number },
) {
  const text = makeTexts(makeRandom(7));
  const texts = Array.from({ length: 500 }, () => text([]));
  const begun = performance.now();
  const isOver = () => performance.now() - begun > SECONDS * 1000;
  let written = 0;
  const write = async (vaultId: string, n: number) => {
    for (let next = begun + (n * every) / vaults.length; !isOver(); next += every) {
      if (every > 0) await pause(Math.max(0, next - performance.now()));
      await store.writer.submit(caller, {
        op: 'append',
        vaultId,
        text: texts[written++ % texts.length] ?? '',
      });
    }
  };
  await Promise.all(vaults.map(write));
  return written / ((performance.now() - begun) / 1000);
}

/** Measures appends with and without the index in turn, and then how far behind it is at half of that rate. */
export async function measureLoad(db: Database) {
  const rates = { off: [] as number[], on: [] as number[] };
  const lags: number[] = [];
  const run = async (name: string, { indexes, every }: { indexes: boolean; every: number }) => {
    const caller = { workSessionId: name, clientId: 'bench' };
    const feed = new VaultFeed();
    const store = new VaultStore(db, feed);
    const vaults: string[] = [];
    for (let n = 0; n < WRITERS; n++)
      vaults.push((await store.writer.create({ caller, summary: '' })).vault_id);
    const indexer = indexes
      ? new Indexer({
          builder: new IndexBuilder(db),
          feed,
          log: pino({ level: 'silent' }),
          queued: () => store.writer.depth,
        })
      : undefined;
    indexer?.start();
    const sampler = every > 0 ? setInterval(() => lags.push(indexer?.state.lag ?? 0), 20) : undefined;
    const rate = await append(store, caller, { vaults, every });
    clearInterval(sampler);
    const { rows = 0 } = indexer?.state ?? {};
    await indexer?.close();
    return { rate, rows };
  };
  await run('load warm', { indexes: false, every: 0 });
  let indexed = 0;
  for (let round = 0; round < ROUNDS; round++) {
    rates.off.push((await run(`load off ${round}`, { indexes: false, every: 0 })).rate);
    const { rate, rows } = await run(`load on ${round}`, { indexes: true, every: 0 });
    rates.on.push(rate);
    indexed += rows;
  }
  const [off, on] = [median(rates.off), median(rates.on)];
  const half = await run('load half', { indexes: true, every: (WRITERS * 1000) / (off / 2) });
  lags.sort((a, b) => a - b);
  return {
    append_with_index: on / off,
    append_rate: off,
    rows_indexed_under_full_load: indexed,
    half_rate: half.rate,
    rows_indexed_at_half_rate: half.rows,
    index_lag_p99: lags[Math.floor(lags.length * 0.99)] ?? Number.NaN,
  };
}
