import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fold } from '../../src/fold.ts';
import { candidatesOf } from '../../src/vault/search/index/candidates.ts';
import { Collector } from '../../src/vault/search/index/collector.ts';
import { eachGram, type Term, termsOf } from '../../src/vault/search/index/grams.ts';
import { mergeSegments } from '../../src/vault/search/index/merge.ts';
import { readDocuments, type Segment } from '../../src/vault/search/index/segment.ts';
import { hasAll, parseQuery } from '../../src/vault/search/query.ts';

/** Rows in some order of time, which is also their number. */
function collect(texts: readonly string[], times: readonly number[]): Segment {
  const collector = new Collector();
  const rows = texts.map((text, n) => ({ text, createdUs: times[n] ?? 0 }));
  for (const { text, createdUs } of rows.toSorted((a, b) => a.createdUs - b.createdUs)) {
    collector.begin({ vaultNo: 1, seq: createdUs + 1, createdUs });
    eachGram(fold(text), collector.add);
  }
  return collector.finish();
}

/** As PostgreSQL cuts the slots. */
const slotsOf = ({ rows, slotBits, postings }: Segment, terms: readonly Term[]) => ({
  rows,
  slotBits,
  slots: terms.map((term) => {
    const slot = term.hash >>> (32 - slotBits);
    const [from, to] = [postings.readUInt32BE(slot * 4), postings.readUInt32BE(slot * 4 + 4)];
    return { term, bytes: postings.subarray(from, to) };
  }),
});

const letters = fc.constantFrom(...'abcABC ßς\u0301中数据库𐐀🚀한');
const text = fc.string({ unit: letters, maxLength: 12 });

test('segments: candidates have every text with the words, newest first, before and after a merge', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(text, { minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 4 }),
      fc.string({ unit: letters, minLength: 2, maxLength: 4 }),
      fc.nat(6),
      async (parts, q, step) => {
        const needles = parseQuery(q).filter(({ form }) => form.length > 1);
        fc.pre(needles.length > 0);
        // Times of the parts overlap where the step is small.
        const times = parts.map((part, n) => part.map((_, row) => n * step * 10 + row * parts.length + n));
        const flat = [...new Set(times.flat())];
        fc.pre(flat.length === times.flat().length);
        const segments = parts.map((part, n) => collect(part, times[n] ?? []));
        const merged = await mergeSegments(segments, new Map([[1, 'v']]));
        const wanted = parts.flatMap((part, n) =>
          part.flatMap((one, row) => (hasAll(one, needles) ? [times[n]?.[row] ?? 0] : [])),
        );
        const terms = termsOf(needles, { history: true });
        const documents = readDocuments(merged.documents);
        const found = [...candidatesOf(slotsOf(merged, terms))].map((at) => documents[at]?.createdUs ?? 0);
        expect(found).toEqual(found.toSorted((a, b) => b - a));
        expect(found).toEqual(expect.arrayContaining(wanted));
        const apart = segments.flatMap((segment) => {
          const rows = readDocuments(segment.documents);
          return [...candidatesOf(slotsOf(segment, terms))].map((at) => rows[at]?.createdUs ?? 0);
        });
        // Few candidates are left unfiltered, so that more of them may be found apart.
        expect(apart).toEqual(expect.arrayContaining(wanted));
      },
    ),
    { numRuns: 300 },
  );
});

test('segments: a word that is nowhere has no candidate', () => {
  const texts = Array.from({ length: 500 }, (_, n) => `we keep the session in a cookie 我们决定 ${n}`);
  const segment = collect(
    texts,
    texts.map((_, n) => n),
  );
  const count = (q: string) =>
    candidatesOf(slotsOf(segment, termsOf(parseQuery(q), { history: true }))).length;
  expect([count('nowhere'), count('团队'), count('qx')]).toEqual([0, 0, 0]);
  expect([count('session'), count('决定'), count('ie')]).toEqual([500, 500, 500]);
  expect(count('499')).toBe(1);
});
