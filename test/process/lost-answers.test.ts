import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { VaultEntry } from '../../src/vault/schema.ts';
import { type Answer, RestVaults } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { ask, eventually } from '../support/embedded.ts';
import { createSession, serve, stop, withDataDir } from '../support/process.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const KEY = 'the-key';

/** Writes that have an answer to lose, each in a vault that holds one entry. */
const WRITES: Record<string, (vaults: RestVaults, vaultId: string) => Promise<Answer>> = {
  append: (vaults, vaultId) => vaults.write(vaultId, { text: 'once', tags: ['t'], key: KEY }),
  override: (vaults, vaultId) =>
    vaults.write(vaultId, { text: 'once', entry_id: 1, expected_version: 1, key: KEY }),
  summary: (vaults, vaultId) => vaults.setSummary(vaultId, 'once', { expected_summary_version: 1, key: KEY }),
  create: (vaults) => vaults.create('once', { key: KEY }),
};

const database = useDatabase();

const MODES = ['on', 'off'] as const;
/** Without coalescing, append, override and summary are lost in one place, where the store sends a batch of one write. */
const LOST = { on: Object.keys(WRITES), off: ['append', 'create'] };

describe.each(MODES)('kill -9 between commit and answer, coalescing %s', (WRITE_COALESCING) => {
  let proxy: TcpProxy;
  let url: string;
  /** The server that a test left for the next one. */
  let running: Awaited<ReturnType<typeof serve>> | undefined;
  beforeAll(async () => {
    ({ url } = database);
    proxy = await TcpProxy.to(url);
  });
  afterAll(async () => {
    if (running) await stop(running.program);
    await proxy.stop();
  });

  const countRows = async () => {
    const { rows } = await ask(url, 'SELECT count(*)::int AS rows FROM vault_entries');
    return Number(rows);
  };

  test.each(LOST[WRITE_COALESCING])(
    '%s: the retry gets the first result, and nothing is written twice',
    async (name) => {
      const write = WRITES[name];
      if (!write) throw new Error(`No write ${name}`);
      running ??= await serve({ DATABASE_URL: proxy.url, WRITE_COALESCING });
      const first = running;
      const session = await createSession({ DATABASE_URL: url }, `st-${name}-${WRITE_COALESCING}`);
      const who = { session, clientId: 'ann' };
      const before = new RestVaults(first.url, who);
      const vaultId = (await before.create('made before')).body.vault_id;
      await before.append(vaultId, 'entry 1');
      const rows = await countRows();

      proxy.hold('answers');
      const lost = write(before, vaultId);
      lost.catch(() => undefined);
      await eventually('the write is committed', async () => (await countRows()) === rows + 1);
      running = undefined;
      first.program.signal('SIGKILL');
      await expect(lost).rejects.toThrow('fetch failed');
      await first.program.finished;

      running = await serve({ DATABASE_URL: proxy.url, WRITE_COALESCING });
      const after = new RestVaults(running.url, who);
      const repeat = await write(after, vaultId);
      expect(repeat.status).toBe(200);
      expect(repeat.headers.get('idempotent-replayed')).toBe('true');
      expect(await countRows()).toBe(rows + 1);
      const row = await ask(
        url,
        'SELECT vault_id, entry_no, version, seq::int FROM vault_entries ORDER BY created_at DESC',
      );
      const { vault_id, ...place } = row;
      expect(repeat.body).toEqual(name === 'create' ? { vault_id } : name === 'summary' ? {} : place);
    },
  );
});

const ROUNDS = 2;
const WRITERS = 8;
/** Answers of a round before the server is killed, in the middle of the other writes. */
const BEFORE_KILL = 40;

/** Large enough that a write is more than one page, so that half of one would show. */
const textOf = (round: number, writer: number, n: number) => `${round}.${writer}.${n}:${'字'.repeat(2000)}`;

test.each(['on', 'off'])(
  `in a storm of writes and ${ROUNDS} times kill -9, no answered write is lost or half-written, and retries of unanswered writes write each text once (coalescing %s)`,
  async (WRITE_COALESCING) => {
    await withDataDir(async (DATA_DIR) => {
      const session = await createSession({ DATA_DIR }, 'st');
      const who = { session, clientId: 'storm' };
      const sent: { text: string; entry_id?: number; key: string }[] = [];
      const answered = new Map<string, unknown>();
      let vaultId = '';
      let lost: typeof sent = [];

      /** What is there is whole, in one unbroken numbering, and all of what was answered. */
      async function expectWhole(vaults: RestVaults): Promise<VaultEntry[]> {
        const { body: history } = await vaults.read(vaultId, '&history=true');
        const stored = new Map(history.map((entry) => [entry.content, entry]));
        for (const [text, place] of answered) expect(stored.get(text)).toMatchObject(place as object);
        const texts = new Set(sent.map(({ text }) => text));
        for (const { content } of history) expect(texts).toContain(content);
        const firsts = history.filter((entry) => entry.version === 1).map((entry) => entry.entry_no);
        expect(firsts).toEqual(firsts.map((_, i) => i + 1));
        const versions = history.filter((entry) => entry.entry_no === 1).map((entry) => entry.version);
        expect(versions).toEqual(versions.map((_, i) => i + 1));
        return history;
      }

      for (let round = 0; round <= ROUNDS; round++) {
        const { program, url } = await serve({ DATA_DIR, WRITE_COALESCING });
        const vaults = new RestVaults(url, who);
        vaultId ||= (await vaults.create('storm')).body.vault_id;
        await expectWhole(vaults);
        for (const write of lost) {
          const { status, body } = await vaults.write(vaultId, write);
          expect(status).toBe(200);
          answered.set(write.text, body);
        }
        lost = [];
        if (round === ROUNDS) {
          const history = await expectWhole(vaults);
          await stop(program);
          const texts = history.map((entry: VaultEntry) => entry.content);
          expect(texts.toSorted()).toEqual(sent.map(({ text }) => text).toSorted());
          expect(answered.size).toBe(sent.length);
          return;
        }
        let answers = 0;
        const write = async (writer: number) => {
          for (let n = 0; ; n++) {
            const text = textOf(round, writer, n);
            const key = `key-${round}.${writer}.${n}`;
            // Half the writers override an entry that is there from the first round on.
            const next = { text, key, ...(writer % 2 && round > 0 && { entry_id: 1 }) };
            sent.push(next);
            const answer = await vaults.write(vaultId, next).catch(() => undefined);
            if (answer?.status !== 200) {
              lost.push(next);
              return;
            }
            answered.set(text, answer.body);
            if (++answers === BEFORE_KILL) program.signal('SIGKILL');
          }
        };
        await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
        await program.finished;
        expect(lost).toHaveLength(WRITERS);
      }
    });
  },
);
