import { COPIES_IN_MEMORY } from '../../api/operation.ts';
import { query } from '../../api/trpc.ts';
import { badRequest } from '../../errors.ts';
import type { VaultInputs } from '../inputs.ts';
import type { VaultStore } from '../store.ts';
import { makeSearchTools } from '../tools/list-tools.ts';
import { readSearchCursor } from './cursor.ts';
import { isLongEnough, parseQuery } from './query.ts';
import { SearchPage } from './schema.ts';
import { microsOf } from './times.ts';

const HITS = 20;

const HIT = {
  vault_id: 'v-7Kf3qDx02Z',
  summary: 'auth refactor',
  entry_no: 1,
  version: 2,
  current: true,
  kind: 'content',
  seq: 42,
  writer_id: '5f0c1f0e-8a43-4a6c-9d56-0f6f2f6d1c11',
  author: 'session:4f0c2d9a1b7e',
  created_at: '2026-11-24T16:13:04.156964Z',
  tags: ['auth'],
  snippet: 'JWT in a cookie, 15 minutes',
  matches: [[9, 15]],
};

/** The call that finds texts in all vaults of a work session. */
export const makeSearchProcedure = (store: VaultStore, inputs: VaultInputs) =>
  query({
    who: 'caller',
    acrossVaults: true,
    rest: {
      method: 'GET',
      path: '/search',
      operationId: 'search',
      tags: ['vault'],
      summary: 'Search in all vaults',
      description:
        "Finds entries and summaries in the vaults of the caller's work session. `q` has words, all of which a text must contain, in upper or lower case; each may be a part of a word, in any script. A phrase in quotes is found in exactly this case. One of them has two characters, unless there is another filter. Without `q`, the newest rows are found. With `order=best`, the best of the newest 500 hits come first: those with the most matches.",
      successDescription: 'The hits.',
      errors: ['FORBIDDEN'],
      paged: true,
      example: { answer: { hits: [HIT], next_cursor: null } },
    },
    mcp: makeSearchTools(inputs),
    input: inputs.search,
    output: SearchPage,
    run: async (
      caller,
      { q, since, until, history = false, order = 'newest', limit = HITS, ...rest },
      io,
    ) => {
      const { cursor, ...filters } = rest;
      const needles = parseQuery(q ?? '');
      const isNarrow = since !== undefined || until !== undefined || Object.keys(filters).length > 0;
      if (q !== undefined && !needles.some(isLongEnough) && !isNarrow) {
        throw badRequest('q needs a word of two characters, or another filter beside it.');
      }
      const { hits, next } = await store.search.find(caller, {
        ...filters,
        needles,
        history,
        order,
        limit,
        sinceUs: microsOf(since),
        untilUs: microsOf(until),
        cursor: cursor === undefined ? undefined : readSearchCursor(cursor),
      });
      io.hold(COPIES_IN_MEMORY * JSON.stringify(hits).length);
      return { value: { hits, next_cursor: next }, next };
    },
  });
