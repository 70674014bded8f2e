import { expect, test } from 'vitest';
import type { VaultEntry } from '../../src/vault/schema.ts';
import { RestVaults } from '../support/client.ts';
import { createSession, migrate, serve, stop, withFolder } from '../support/process.ts';

const ROUNDS = 5;
const WRITERS = 8;
/** Acknowledged writes of a round before the server is killed, in the middle of the others. */
const BEFORE_KILL = 60;

/** Large enough that a write is more than one page, so that half of one would show. */
const textOf = (round: number, writer: number, n: number) => `${round}.${writer}.${n}:${'字'.repeat(2000)}`;

/** Whether writes share statements. */
const COALESCING = ['on', 'off'];

test.each(COALESCING)(
  `kill -9 in the middle of a write storm, ${ROUNDS} times: every acknowledged write is there, none is half-written (coalescing %s)`,
  async (WRITE_COALESCING) => {
    await withFolder(async (DATA_DIR) => {
      await migrate({ DATA_DIR });
      const session = await createSession({ DATA_DIR }, 'st');
      const acknowledged = new Map<string, { entry_no: number; version: number; seq: number }>();
      let vaultId = '';

      for (let round = 0; round < ROUNDS; round++) {
        const { program, url } = await serve({ DATA_DIR, WRITE_COALESCING });
        const vaults = new RestVaults(url, { session, clientId: 'storm' });
        vaultId ||= (await vaults.create('storm')).body.vault_id;
        let written = 0;
        const write = async (writer: number) => {
          for (let n = 0; ; n++) {
            const text = textOf(round, writer, n);
            // Half the writers override an entry that is there from the first round on.
            const call =
              writer % 2 === 0 || round === 0
                ? vaults.append(vaultId, text)
                : vaults.override(vaultId, 1, text);
            const answer = await call.catch(() => undefined);
            if (answer?.status !== 200) return;
            acknowledged.set(text, answer.body);
            if (++written === BEFORE_KILL) program.signal('SIGKILL');
          }
        };
        await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
        await program.finished;
        expect(written).toBeGreaterThanOrEqual(BEFORE_KILL);
      }

      const { program, url } = await serve({ DATA_DIR });
      const history = (
        await new RestVaults(url, { session, clientId: 'storm' }).read(vaultId, '&history=true')
      ).body;
      await stop(program);
      const stored = new Map(history.map((entry: VaultEntry) => [entry.content, entry]));
      for (const [text, { entry_no, version, seq }] of acknowledged) {
        expect(stored.get(text)).toMatchObject({ entry_no, version, seq });
      }
      // What was not acknowledged may be there, but whole: with its text, and in the one unbroken numbering.
      for (const { content } of history) expect(content).toMatch(/^\d+\.\d+\.\d+:字{2000}$/);
      const firsts = history.filter((entry) => entry.version === 1).map((entry) => entry.entry_no);
      expect(firsts).toEqual(firsts.map((_, i) => i + 1));
      const versions = history.filter((entry) => entry.entry_no === 1).map((entry) => entry.version);
      expect(versions).toEqual(versions.map((_, i) => i + 1));
    });
  },
  480_000,
);
