import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, inject, test } from 'vitest';
import { Database } from '../../src/db/client.ts';
import { migrate } from '../../src/db/migrate.ts';
import { fold } from '../../src/fold.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { holds } from '../../src/vault/read/access-sql.ts';
import { searchPattern } from '../../src/vault/search/pattern.ts';
import { silent, useDatabase, withClient } from '../support/database.ts';
import { TestStore } from '../support/store.ts';

const database = useDatabase();

/** How a database orders texts and knows letters. */
const LOCALES = {
  'ICU tr-TR': `LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR' LOCALE 'C'`,
  'ICU az': `LOCALE_PROVIDER icu ICU_LOCALE 'az' LOCALE 'C'`,
  'LOCALE C': `LOCALE_PROVIDER libc LOCALE 'C'`,
};

/** Runs work on a database of a locale, which is dropped afterwards. */
async function withLocale<T>(locale: string, work: (url: string) => Promise<T>): Promise<T> {
  const name = `vault_relay_test_${randomBytes(6).toString('hex')}`;
  const url = new URL(inject('adminUrl'));
  url.pathname = name;
  const admin = (sql: string) => withClient(inject('adminUrl'), (client) => client.query(sql));
  await admin(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8' ${locale}`);
  try {
    return await work(url.href);
  } finally {
    await admin(`DROP DATABASE ${name} WITH (FORCE)`);
  }
}

/** What is written, what finds it, and what does not. */
const TEXTS: [text: string, found: string[], missed: string[]][] = [
  ['IMPORTANT', ['important', 'Import'], ['ımportant']],
  ['ışık DİKKAT', ['ışıK', 'di\u0307kkat', 'dİ'], ['IŞIK', 'DIKKAT']],
  ['ЖИЗНЬ', ['жизнь', 'Жи'], ['жизнъ']],
  ['Straße', ['STRASSE', 'STRAẞE', 'strasse', 'ras', 'ss', 'sse', 'SSE'], ['sss']],
  ['GROẞE STRASSEN', ['große', 'straßen', 'ẞe'], ['größe']],
  ['Muse\u0301e', ['MUSÉE', 'muse\u0301', 'usé'], ['musee', 'musé\u0302']],
  ['déjà vu', ['DE\u0301JA\u0300 VU', 'vu', 'd'], ['deja', 'DE']],
  ['a\u0302\u0323 ậ', ['ậ', 'ạ\u0302 Ậ', 'Ậ'], ['â', 'ạ', 'a']],
  ['ΟΔΟΣ λόγος', ['οδος', 'οδοσ', 'ΛΌΓΟΣ', 'λο\u0301γοσ'], ['λογος']],
  ['ᾳ ΩΙ', ['αι', 'ῼ', 'ᾼ'], ['α ']],
  ['ﬁnal oﬃce', ['FINAL', 'office', 'fic', 'ﬃ'], ['ffice l']],
  ['인증 설계', ['\u110b\u1175\u11ab증', '인', '설계'], ['이', '\u110b', '인결']],
  ['\u1109\u1165\u11af정', ['설정', '설'], ['서']],
  ['\uf900\uf9d0', ['豈類', '\uf900'], ['更']],
  ['カ\u3099ラス', ['ガラス', 'カ\u3099'], ['カラ']],
  ['\u212b \u212a \u017f \u00b5', ['å k s μ', 'Å K S Μ'], ['a k']],
  // Their case folding in Unicode is to capitals.
  ['ᎠᎾᏴᏫ ꮳꮃꭹ', ['ꭰꮎᏼꮻ', 'ᎠᎾ', 'ᏣᎳᎩ', 'ꮳᎳ'], ['ᎠᎩ']],
  ['𐐀𐐨 🧑‍🚀', ['𐐨𐐨', '𐐀𐐀', '🚀'], ['👩']],
  ['100% {x}*', ['100%', '{X}*', '%'], ['1%', '{}']],
];

async function withStore<T>(url: string, work: (store: TestStore) => Promise<T>): Promise<T> {
  const db = new Database({ url, poolSize: 2, log: silent });
  return work(new TestStore(db, new VaultFeed())).finally(() => db.close());
}

const ann = { workSessionId: 'st', clientId: 'ann' };

/** By query, the texts that are found: in a vault, and of vaults by summary and by entry. */
const findAll = (url: string) =>
  withStore(url, async (store) => {
    const { vault_id: vaultId } = await store.create(ann, 'all');
    const lone: string[] = [];
    for (const [text] of TEXTS) {
      await store.append(ann, vaultId, text);
      lone.push((await store.create(ann, text)).vault_id);
    }
    const found: Record<string, unknown> = {};
    for (const q of TEXTS.flatMap(([, ...qs]) => qs.flat())) {
      const read = (await store.read(ann, vaultId, { q })).map(({ content }) => content);
      const listed = (await store.list(ann, { q })).vaults.map(({ vault_id }) => vault_id);
      found[q] = { read, listed: listed.map((id) => TEXTS[lone.indexOf(id)]?.[0] ?? 'the vault of all') };
    }
    return found;
  });

const expected = Object.fromEntries(
  TEXTS.flatMap(([, ...qs]) => qs.flat()).map((q) => {
    const read = TEXTS.map(([text]) => text).filter((text) => fold(text).includes(fold(q)));
    return [q, { read, listed: [...(read.length > 0 ? ['the vault of all'] : []), ...read] }];
  }),
);

describe('C7: a search finds the same in every database', () => {
  test.each(TEXTS)('%j is found by %j and not by %j', (text, found, missed) => {
    for (const q of found) expect(expected[q]?.read).toContain(text);
    for (const q of missed) expect(expected[q]?.read).not.toContain(text);
  });

  test('of the embedded PostgreSQL', async () => {
    expect(await findAll(database.url)).toEqual(expected);
  });

  test.each(Object.entries(LOCALES))('of %s, where lists have the same order too', (_, locale) =>
    withLocale(locale, async (url) => {
      await migrate(url);
      expect(await findAll(url)).toEqual(expected);
      await withClient(url, (client) => client.query(`UPDATE vaults SET created_at = '2026-01-01'`));
      const ids = await withStore(url, async (store) => {
        const whole = (await store.list(ann)).vaults.map(({ vault_id }) => vault_id);
        const { vaults, nextCursor } = await store.list(ann, { limit: 7 });
        const rest = await store.list(ann, { ...(nextCursor && { cursor: nextCursor }) });
        expect([...vaults, ...rest.vaults].map(({ vault_id }) => vault_id)).toEqual(whole);
        return whole;
      });
      expect(ids).toEqual(ids.toSorted());
    }),
  );
});

/** Letters that fold to several, join others, or are written in several ways. */
const LETTERS = [
  ...'sSſßẞtTﬅﬆfiﬁﬃlIıİkKK ',
  ...'eEéÉêẽ\u0301\u0302\u0303\u0323\u0345',
  ...'αΑάᾳᾴιΙΐΰσςΣωῳ',
  ...'인이ㅇ\u110b\u1175\u11ab決决\uf900カガ\u3099ñʼnŉǰj',
  ...'กำ1%',
];
const word = (maxLength: number) =>
  fc.array(fc.constantFrom(...LETTERS), { minLength: 1, maxLength }).map((all) => all.join(''));

test('C7: PostgreSQL and the dashboard find the same, for all letters', async () => {
  const pairs = fc.sample(
    fc.oneof(
      fc.record({ text: word(6), q: word(3) }),
      // A part of the text, written in another way.
      fc
        .record({ text: word(7), from: fc.nat(3), length: fc.nat(4), form: fc.constantFrom('NFC', 'NFD') })
        .map(({ text, from, length, form }) => ({
          text,
          q:
            [...text]
              .slice(from, from + length + 1)
              .join('')
              .toUpperCase()
              .normalize(form) || 'x',
        })),
    ),
    { numRuns: 5000, seed: 11 },
  );
  const { rows } = await database.admin.query(
    `SELECT ${holds('text', 'pattern')} AS found, search_fold(text) AS folded
     FROM jsonb_to_recordset($1) AS pair (text text, pattern text[], place int) ORDER BY place`,
    [JSON.stringify(pairs.map(({ text, q }, place) => ({ text, pattern: searchPattern(q), place })))],
  );
  const wrong = pairs.flatMap(({ text, q }, n) => {
    const right = { found: fold(text).includes(fold(q)), folded: fold(text) };
    return JSON.stringify(rows[n]) === JSON.stringify(right) ? [] : [{ text, q, right, is: rows[n] }];
  });
  expect(wrong.slice(0, 5)).toEqual([]);
  expect(rows.filter(({ found }) => found).length).toBeGreaterThan(1000);
});

test('C7: PostgreSQL folds each character as the server does', async () => {
  const { rows } = await database.admin.query(
    `SELECT chr(n) AS letter, search_fold(chr(n)) AS folded FROM generate_series(1, 131071) AS n
     WHERE n NOT BETWEEN 55296 AND 57343 AND n NOT BETWEEN 13312 AND 40959 AND n NOT BETWEEN 44032 AND 55295`,
  );
  expect(rows.filter(({ letter, folded }) => fold(letter) !== folded)).toEqual([]);
});
