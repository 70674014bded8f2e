import { expect, test } from 'vitest';
import { Effort } from '../../src/vault/search/effort.ts';
import { type FetchedRow, matchesAmong } from '../../src/vault/search/match.ts';
import { parseQuery } from '../../src/vault/search/query.ts';

test('a search that compares large texts: other work has its turn between them', async () => {
  const rows = Array.from({ length: 8 }, (_, n) => ({ place: n + 1, content: 'ab'.repeat(40_000) }));
  let turns = 0;
  const turn = () => {
    turns++;
    next = setImmediate(turn);
  };
  let next = setImmediate(turn);
  const among = { total: 8, needles: parseQuery('"Ab"'), first: 8, most: 8, effort: new Effort() };
  const found: unknown[] = [];
  for await (const match of matchesAmong(among, async () => rows as FetchedRow[])) found.push(match);
  clearImmediate(next);
  expect(found).toEqual([]);
  expect(turns).toBeGreaterThanOrEqual(8);
});
