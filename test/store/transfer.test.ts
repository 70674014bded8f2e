import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Caller } from '../../src/access/policy.ts';
import { verifyProof } from '../../src/client/index.ts';
import { Database } from '../../src/db/client.ts';
import { AstationStore } from '../../src/session/astation-store.ts';
import { formatLine, parseLine } from '../../src/transfer/format.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { CHAIN_START } from '../../src/vault/proof/chain.ts';
import { silent, useDatabase, withClient, withMigratedDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';
import { contentsOf, exported, imported } from '../support/transfer.ts';
import { verify } from '../support/verify.ts';

const source = useDatabase();
/** For tests that write into what they move. */
const scratch = useDatabase();
const ann: Caller = { workSessionId: 'st-1', clientId: 'ann' };
const bob: Caller = { workSessionId: 'st-1', clientId: '团队 "mac"' };
const eve: Caller = { workSessionId: 'st-2', clientId: 'eve' };
const ROWS = 1200;
const KEY = `04${randomBytes(64).toString('hex')}`;

let store: TestStore;
let [big, small, foreign] = ['', '', ''];

/** Two work sessions, summaries, tags, keys, odd texts, and rows for several portions. */
beforeAll(async () => {
  store = new TestStore(source.db, new VaultFeed());
  big = (await store.create(ann, 'the big one', 'create-1')).vault_id;
  small = (await store.create(ann, '')).vault_id;
  foreign = (await store.create(eve, 'of the others')).vault_id;
  const texts = ['', 'line\nbreak', 'two\u2028lines\u2029here', '日本語 🎉', '"}\n{"type":"end"}', '\\u0000'];
  for (const text of texts) await store.append(bob, small, text, { tags: ['fact', 'ä,1:b'] });
  await store.override(ann, small, { no: 2, text: 'better', key: 'write-1' });
  await store.setSummary(ann, small, 'said later');
  await store.append(eve, foreign, 'theirs', { key: 'write-1' });
  for (let n = 0; n < ROWS; n += 400) {
    const write = (i: number) =>
      store.append(ann, big, `row ${n + i}`, i % 100 === 0 ? { key: `k-${n + i}` } : {});
    await Promise.all(Array.from({ length: 400 }, (_, i) => write(i)));
  }
  await store.removeWriter(ann, big, 'ann');
  await new AstationStore(source.db).registerOrVerify('st-1', KEY);
});

async function withStore<T>(url: string, work: (store: TestStore, db: Database) => Promise<T>): Promise<T> {
  const db = new Database({ url, poolSize: 2, log: silent });
  try {
    return await work(new TestStore(db, new VaultFeed()), db);
  } finally {
    await db.close();
  }
}

/** @returns how many rows a vault's chain has, each of them checked */
const verified = async (store: TestStore, caller: Caller, vaultId: string) => {
  const proof = await store.proof(caller, vaultId, { limit: 100_000 });
  return (await verifyProof({ pages: proof, head: proof.head })).rows;
};

const refusal = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'no error',
    (error: Error) => error.message,
  );

describe('a server that moves', () => {
  test('a moved vault is the same afterwards, and can grow', async () => {
    const file = await exported(source.url);
    await withMigratedDatabase(async (url) => {
      expect(await imported(url, file)).toEqual({ vaults: 3, rows: ROWS + 12, skipped: 0, astations: 0 });
      expect(await contentsOf(url)).toBe(await contentsOf(source.url));
      await withStore(url, async (moved) => {
        for (const [caller, id] of [
          [ann, big],
          [ann, small],
          [eve, foreign],
        ] as const) {
          expect(await moved.read(caller, id, { history: true, kind: 'all' })).toEqual(
            await store.read(caller, id, { history: true, kind: 'all' }),
          );
          expect(await moved.meta(caller, id)).toEqual(await store.meta(caller, id));
        }
        expect(await verified(moved, ann, big)).toBe(ROWS + 1);
        const before = await moved.meta(ann, big);
        const written = await moved.append(ann, big, 'written after the move');
        expect(written.entry_no).toBe(ROWS + 1);
        expect(written.seq).toBe(before.head + 1);
        expect(await verified(moved, ann, big)).toBe(ROWS + 2);
        expect((await moved.create(ann, 'made after the move')).replayed).toBe(false);
      });
    });
  });

  test('resumes after the very first row too', async () => {
    await withMigratedDatabase(async (fresh) => {
      await withStore(fresh, (first) => first.create(ann, 'the first'));
      const file = await exported(fresh);
      await withMigratedDatabase(async (url) => {
        expect(await imported(url, file)).toMatchObject({ vaults: 1, rows: 1 });
        await withStore(url, async (moved) => {
          const { vault_id } = await moved.create(ann, 'the second');
          expect(await moved.meta(ann, vault_id)).toMatchObject({ head: 1 });
        });
      });
    });
  });

  test('keeps the requests of idempotency keys, so that a retry writes nothing twice', async () => {
    const file = await exported(source.url);
    await withMigratedDatabase(async (url) => {
      await imported(url, file);
      await withStore(url, async (moved) => {
        expect(await moved.create(ann, 'the big one', 'create-1')).toMatchObject({
          vault_id: big,
          replayed: true,
        });
        const write = { op: 'append', vaultId: foreign, text: 'theirs', key: 'write-1' } as const;
        expect(await moved.write(eve, write)).toMatchObject({ entry_no: 1, version: 1, replayed: true });
        await expect(moved.write(eve, { ...write, text: 'another' })).rejects.toThrow(
          'was used for another request',
        );
      });
    });
  });

  test('exports no sessions, and keys of Astations only on demand', async () => {
    const plain = await exported(source.url, { vaults: [small] });
    expect(plain.map((line) => parseLine(line.trimEnd()).type)).not.toContain('astation');
    const file = await exported(source.url, { vaults: [small], astations: true });
    await withMigratedDatabase(async (url) => {
      expect(await imported(url, file)).toMatchObject({ vaults: 1, astations: 1 });
      await withStore(url, async (_, db) => {
        const { astation } = await db.prisma();
        expect(await astation.findMany()).toMatchObject([{ astationId: 'st-1', publicKey: KEY }]);
      });
    });
  });

  test('is recorded in the audit logs of both servers', async () => {
    const actions = (url: string) =>
      withClient(url, (client) =>
        client.query(`SELECT action, outcome, vault_id FROM audit_log WHERE action IN ('export', 'import')`),
      );
    const file = await exported(source.url, { vaults: [small] });
    expect((await actions(source.url)).rows).toContainEqual({
      action: 'export',
      outcome: 'done',
      vault_id: small,
    });
    await withMigratedDatabase(async (url) => {
      await imported(url, file);
      expect((await actions(url)).rows).toEqual([{ action: 'import', outcome: 'done', vault_id: small }]);
    });
  });
});

test('only the requested vaults are exported', async () => {
  const ids = async (options: Parameters<typeof exported>[1]) =>
    (await exported(source.url, options)).flatMap((text) => {
      const line = parseLine(text.trimEnd());
      return line.type === 'vault' ? [line.vault_id] : [];
    });
  expect(await ids({ workSession: 'st-2' })).toEqual([foreign]);
  expect((await ids({ vaults: [small, foreign] })).toSorted()).toEqual([small, foreign].toSorted());
  expect(await refusal(exported(source.url, { vaults: ['v-nowhere'] }))).toBe('There is no vault v-nowhere.');
  expect(await refusal(exported(source.url, { after: 'here' }))).toContain('--after takes');
});

describe('an export that was interrupted', () => {
  test.each([0.1, 0.5, 0.9999])('cut at %f of it resumes after its last complete line', async (share) => {
    const file = await exported(source.url, { astations: true });
    const kept = file.slice(0, Math.max(2, Math.floor(file.length * share)));
    await withMigratedDatabase(async (url) => {
      const cut = 'half a line {"check":';
      expect(await refusal(imported(url, [...kept, cut]))).toContain('The file has no end');
      const last = parseLine(kept.at(-1)?.trimEnd() ?? '');
      const after = 'position' in last ? last.position : '';
      const rest = await exported(source.url, { astations: true, after });
      expect(rest.length).toBeLessThanOrEqual(file.length - kept.length + 2);
      const report = await imported(url, [...kept, ...rest]);
      expect(report.vaults + report.skipped).toBe(3);
      expect(await contentsOf(url)).toBe(await contentsOf(source.url));
    });
  });

  /** As `jq -r '.position // .after // ""'` says of the last line. */
  const continueAfter = (line: string | undefined): string => {
    const last = JSON.parse(line ?? '{}') as { position?: string; after?: string | null };
    return last.position ?? last.after ?? '';
  };

  test.each([0, 1])('after its header, and %d lines before that, resumes by the recipe', async (lines) => {
    const file = await exported(source.url, { workSession: 'st-2' });
    const begun = file.slice(0, lines === 0 ? 1 : 2);
    const cut = await exported(source.url, { workSession: 'st-2', after: continueAfter(begun.at(-1)) });
    const twice = [...begun, ...cut.slice(0, 1)];
    const rest = await exported(source.url, { workSession: 'st-2', after: continueAfter(twice.at(-1)) });
    await withMigratedDatabase(async (url) => {
      expect(await imported(url, [...twice, ...rest])).toMatchObject({ vaults: 1 });
    });
  });

  test('and within a vault with later writes, gets the new rows', async () => {
    const written = new TestStore(scratch.db, new VaultFeed());
    const { vault_id } = await written.create(ann, 'moving on');
    await written.append(ann, vault_id, 'before');
    const file = await exported(scratch.url, { vaults: [vault_id] });
    const kept = file.slice(0, 3);
    await written.append(bob, vault_id, 'meanwhile');
    await written.setSummary(ann, vault_id, 'moved on');
    const last = parseLine(kept.at(-1)?.trimEnd() ?? '') as { position: string };
    const rest = await exported(scratch.url, { vaults: [vault_id], after: last.position });
    await withMigratedDatabase(async (url) => {
      expect(await refusal(imported(url, rest))).toContain('Line 1: it continues after');
      expect(await imported(url, [...kept, ...rest])).toMatchObject({ vaults: 1, rows: 4 });
      await withStore(url, async (moved) => {
        expect(await moved.meta(ann, vault_id)).toEqual(await written.meta(ann, vault_id));
      });
    });
  });
});

test('a vault of 250 writers moves with all of them, and is recognized on a repeated import', async () => {
  const written = new TestStore(scratch.db, new VaultFeed());
  const { vault_id } = await written.create(ann, 'written by many');
  const names = Array.from({ length: 250 }, (_, n) => `run-${250 - n}`);
  await Promise.all(names.map((clientId) => written.append({ ...ann, clientId }, vault_id, 'x')));
  // The first hundred are cut where one of them leaves and comes back.
  await written.removeWriter(ann, vault_id, 'run-250');
  await written.append(ann, vault_id, 'x');
  await written.append({ ...ann, clientId: 'run-250' }, vault_id, 'x');
  const file = await exported(scratch.url, { vaults: [vault_id] });
  const line = file.map((text) => parseLine(text.trimEnd())).find(({ type }) => type === 'vault');
  expect(line && 'writer_list' in line && line.writer_list.toSorted()).toEqual([...names, 'ann'].toSorted());
  await withMigratedDatabase(async (url) => {
    expect(await imported(url, file)).toMatchObject({ vaults: 1, rows: 253 });
    expect(await imported(url, file)).toMatchObject({ vaults: 0, skipped: 1 });
    expect((await exported(url, { vaults: [vault_id] })).slice(1)).toEqual(file.slice(1));
    await withStore(url, async (moved) => {
      expect(await moved.meta(ann, vault_id)).toEqual(await written.meta(ann, vault_id));
      const elsewhere = { workSessionId: 'st-3', clientId: 'run-250' };
      expect(await moved.read(elsewhere, vault_id, { history: true })).toHaveLength(252);
      expect((await moved.list({ ...ann, clientId: 'anybody' }, { details: true })).vaults).toMatchObject([
        { writers: expect.objectContaining({ length: 100 }) },
      ]);
    });
  });
});

test('one vault moves to another database in the middle of writes, and continues its chain and numbers', async () => {
  const { vault_id } = await store.create(ann, 'moving');
  await withMigratedDatabase(async (url) => {
    await withStore(url, async (target) => {
      await target.create(bob, 'was there before');
      let home = store;
      let paused: Promise<void> = Promise.resolve();
      let stopped = false;
      const seqs: number[] = [];
      // The writer keeps on; a pause holds its next write back.
      const writing = (async () => {
        for (let n = 0; !stopped; n++) {
          await paused;
          seqs.push((await home.append(ann, vault_id, `row ${n}`, { key: `k-${n}` })).seq);
        }
      })();
      await expect.poll(() => seqs.length, { timeout: 30_000 }).toBeGreaterThan(20);
      let resume = () => {};
      paused = new Promise((resolve) => {
        resume = resolve;
      });
      await store.writer.whenIdle();
      // The pause: an export, an import, and a writer that is told where to go on.
      const lines = await exported(source.url, { vaults: [vault_id] });
      expect(await imported(url, lines)).toMatchObject({ vaults: 1 });
      home = target;
      const moved = seqs.length;
      resume();
      await expect.poll(() => seqs.length, { timeout: 30_000 }).toBeGreaterThan(moved + 20);
      stopped = true;
      await writing;
      expect(seqs).toEqual(seqs.map((_, place) => place + 2));
      expect(await verified(target, ann, vault_id)).toBe(seqs.length + 1);
      // A retry of a write from before the move is known.
      const again = { op: 'append', vaultId: vault_id, text: 'row 0', key: 'k-0' } as const;
      expect(await target.write(ann, again)).toMatchObject({ seq: 2, replayed: true });
    });
    expect(await verify(url)).toMatchObject({ vaults: 2, misfits: [] });
  });
});

test('a file of the first format is read, and its vaults go on in the second form', async () => {
  const text = await readFile('test/fixtures/export-1.ndjson', 'utf8');
  const lines = text.split(/(?<=\n)/);
  expect(lines[0]).toContain('"format":"vault-relay-export/1"');
  await withMigratedDatabase(async (url) => {
    expect(await imported(url, lines)).toMatchObject({ vaults: 2, skipped: 0 });
    expect(await imported(url, lines)).toMatchObject({ vaults: 0, skipped: 2 });
    await withStore(url, async (target) => {
      for (const { vault_id } of (await target.list(ann)).vaults) {
        const { head } = await target.meta(ann, vault_id);
        expect((await target.append(ann, vault_id, 'and on')).seq).toBe(head + 1);
        const { rows } = await target.proof(ann, vault_id, { limit: 1000 });
        expect(rows.map(({ algorithm }) => algorithm)).toEqual([
          ...Array(rows.length - 1).fill(undefined),
          'vault-relay/2',
        ]);
      }
    });
    expect(await verify(url)).toMatchObject({ vaults: 2, misfits: [] });
  });
});

describe('an import', () => {
  test('a repeated import skips existing vaults', async () => {
    const file = await exported(source.url, { workSession: 'st-2' });
    await withMigratedDatabase(async (url) => {
      await imported(url, file);
      expect(await imported(url, file)).toEqual({ vaults: 0, rows: 0, skipped: 1, astations: 0 });
    });
  });

  test('adds vaults beside those that are there, and refuses one that has gone on', async () => {
    const file = await exported(source.url, { workSession: 'st-2' });
    await withMigratedDatabase(async (url) => {
      await withStore(url, (other) => other.create(ann, 'was here before'));
      expect(await imported(url, file)).toMatchObject({ vaults: 1, skipped: 0 });
      await withStore(url, (other) => other.append(eve, foreign, 'written since'));
      expect(await refusal(imported(url, file))).toContain('already exists here with other rows');
      expect(await verify(url)).toMatchObject({ vaults: 2, misfits: [] });
    });
  });

  test('refuses a second import at the same time', async () => {
    await withMigratedDatabase((url) =>
      withClient(url, async (client) => {
        await client.query(`SELECT pg_advisory_lock(hashtextextended('vault-relay import', 0))`);
        expect(await refusal(imported(url, []))).toContain('Another import is running');
      }),
    );
  });
});

describe('a file that does not fit is refused by the number of its line, and nothing of that vault is written', () => {
  const target = useDatabase();
  let file: string[];
  beforeAll(async () => {
    file = await exported(source.url, { vaults: [small] });
  });

  async function expectRefused(lines: string[], message: RegExp) {
    const before = await contentsOf(target.url);
    expect(await refusal(imported(target.url, lines))).toMatch(message);
    expect(await contentsOf(target.url)).toBe(before);
  }

  test('one changed byte, at any place', async () => {
    const before = await contentsOf(target.url);
    for (const [i, line] of file.entries()) {
      const bytes = Buffer.from(line);
      for (let at = (i * 5) % 61; at < bytes.length - 1; at += 61) {
        const changed = Buffer.from(bytes);
        changed[at] = (bytes[at] ?? 0) ^ 1;
        const lines = file.with(i, changed.toString('latin1'));
        // As bytes: what is no UTF-8 any more must not be mended on the way.
        const parts = lines.map((text, n) => (n === i ? changed : Buffer.from(text)));
        const message = await refusal(imported(target.url, parts as unknown as string[]));
        expect(message, `byte ${at} of line ${i + 1}`).toMatch(/^(Line \d+: |The file has no end)/);
      }
    }
    expect(await contentsOf(target.url)).toBe(before);
  });

  /** A line by somebody who knows how its check is made. */
  const forged = (type: string, change: (line: never) => object) =>
    file.map((text) => {
      const line = parseLine(text.trimEnd());
      return line.type === type ? formatLine(change(line as never) as never) : text;
    });

  test.each([
    [
      'another text',
      'row',
      { content: 'another' },
      /^Line 3: the hash of row \d+ of vault \S+ does not follow/,
    ],
    ['another writer', 'row', { writer_id: 'mallory' }, /^Line 3: the hash of row/],
    ['another vault', 'row', { vault_id: 'v-another' }, /^Line 3: it is among the rows of vault/],
    ['another head', 'vault', { head: { seq: 1, hash: CHAIN_START } }, /^Line 12: vault \S+ ends with row/],
    ['too few entries', 'vault', { next_entry_no: 1 }, /^Line 12: vault \S+: its next_entry_no is 1/],
    ['a stranger', 'vault', { writer_list: ['eve'] }, /^Line 12: vault \S+: its writer_list has "eve"/],
    ['another author', 'row', { author: 'session:000000000000' }, /^Line 3: the hash of row/],
    ['another addressee', 'row', { to: ['eve'] }, /^Line 3: the hash of row/],
    ['another salt', 'row', { salt: '00'.repeat(16) }, /^Line 3: the hash of row/],
    ['no author', 'row', { author: null, to: null, salt: null }, /^Line 3: the hash of row/],
    ['another count', 'end', { rows: 1 }, /^Line 12: it ends 1 vaults and 1 rows, but 1 and 9 came/],
    ['another form', 'header', { format: 'vault-relay-export/3' }, /^Line 1: it is not of the format/],
  ])('%s', async (_, type, change, message) => {
    const lines = forged(type, (line: object) => ({ ...line, ...change }));
    // After the count of lines it is whole, and only its end is wrong.
    if (type === 'end') {
      await withMigratedDatabase(async (url) => {
        expect(await refusal(imported(url, lines))).toMatch(message);
      });
    } else await expectRefused(lines, message);
  });

  test('a missing, repeated or reordered row', async () => {
    await expectRefused(file.toSpliced(4, 1), /^Line 5: the hash of row/);
    await expectRefused(file.toSpliced(4, 0, file[4] ?? ''), /^Line 6: seq \d+ comes after/);
    await expectRefused(file.toSpliced(4, 2, file[5] ?? '', file[4] ?? ''), /^Line 5: the hash of row/);
    await expectRefused(file.toSpliced(1, 1), /^Line 2: it comes before the line of its vault/);
    await expectRefused(file.slice(1), /^Line 1: an export begins with its header/);
    await expectRefused(file.slice(0, -1), /^The file has no end/);
  });
});
