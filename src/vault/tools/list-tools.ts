import { z } from 'zod';
import { type Tool, tool } from '../../api/operation.ts';
import type { VaultInputs } from '../inputs.ts';
import { VaultListPage } from '../schema.ts';
import { cursorAfter } from '../search/cursor.ts';
import { SearchHit, type SearchPage } from '../search/schema.ts';
import { budgetOfRows } from './byte-budget.ts';
import { FIELDS } from './fields.ts';
import { count, DATA, fenced, type Note, noteOfLines, notice, paragraphs, quoted } from './notes.ts';

const LISTED_VAULTS = 100;

type ListPage = z.output<typeof VaultListPage>;
type Hits = z.output<typeof SearchPage>;

const Hit = SearchHit.pick({
  vault_id: true,
  entry_no: true,
  version: true,
  current: true,
  writer_id: true,
  created_at: true,
  snippet: true,
}).extend({
  // A pair of numbers has a long schema.
  matches: z.array(z.array(z.int())),
});

const NotesList = VaultListPage.extend({ hits: z.array(Hit).exactOptional(), notice });

const moreBy = (cursor: string | null) =>
  cursor === null
    ? ''
    : `More follow: call vault_list with the same arguments and cursor ${JSON.stringify(cursor)}.`;

function renderList({ vaults, next_cursor }: ListPage) {
  const lines = vaults.map(({ vault_id, summary, entries, head }) => {
    const numbers =
      entries === undefined ? '' : ` (${count(entries, 'entry').replace('entrys', 'entries')}, head ${head})`;
    return [`${vault_id}${numbers}`, summary] as const;
  });
  const more = moreBy(next_cursor);
  const none = 'There is no vault that you can read and that fits. Call vault_create for new work.';
  const shown = lines.length === 0 ? none : fenced([noteOfLines('vaults and their summaries', lines)]);
  return {
    structured: { notice: vaults.length === 0 ? none : paragraphs(DATA, more), vaults, next_cursor },
    text: paragraphs(`${count(vaults.length, 'vault')}.`, shown, more),
  };
}

/** The vaults of some hits, once each. */
const vaultsOf = (hits: Hits['hits']) => [
  ...new Map(hits.map(({ vault_id, summary }) => [vault_id, { vault_id, summary }])).values(),
];

const shorten = ({
  vault_id,
  entry_no,
  version,
  current,
  writer_id,
  created_at,
  snippet,
  matches,
}: SearchHit) => ({
  vault_id,
  entry_no,
  version,
  current,
  writer_id,
  created_at,
  snippet,
  matches,
});

const structureOf = (hits: Hits['hits']) => ({ vaults: vaultsOf(hits), hits: hits.map(shorten) });

/** @returns the most of the first hits that fit, but at least one */
function hitsWithin(hits: Hits['hits'], budget: number): Hits['hits'] {
  let shown = hits.length;
  while (shown > 1 && Buffer.byteLength(JSON.stringify(structureOf(hits.slice(0, shown)))) > budget) shown--;
  return hits.slice(0, shown);
}

function noteOfHit({
  vault_id,
  entry_no,
  version,
  current,
  writer_id,
  created_at,
  snippet,
}: SearchHit): Note {
  const place = `${vault_id} ${entry_no === 0 ? 'summary' : `e${entry_no}`} v${version}`;
  const written = `by ${quoted(writer_id)} at ${created_at.slice(0, 19)}Z`;
  return { heading: `${place}${current ? '' : ' (a later version exists)'} ${written}`, text: snippet };
}

function renderHits({ hits, next_cursor }: Hits) {
  const shown = hitsWithin(hits, budgetOfRows());
  const last = shown.at(-1);
  const next = last && shown.length < hits.length ? cursorAfter(last) : next_cursor;
  const lines = vaultsOf(shown).map(({ vault_id, summary }) => [vault_id, summary] as const);
  const end = shown.length === 0 ? 'Nothing has this text. Try fewer words, or history.' : moreBy(next);
  return {
    structured: {
      notice: paragraphs(shown.length === 0 ? '' : DATA, end),
      ...structureOf(shown),
      next_cursor: next,
    },
    text: paragraphs(
      `${count(shown.length, 'hit')}, newest first.`,
      shown.length === 0
        ? ''
        : fenced([noteOfLines('vaults and their summaries', lines), ...shown.map(noteOfHit)]),
      end,
    ),
  };
}

const LIST = {
  readOnly: true,
  idempotent: true,
  fields: {
    ...FIELDS,
    q: 'Words that a text has, in any case; "phrase" with its case.',
    history: 'With q: earlier versions too.',
    details: 'Without q: adds times, numbers and writers.',
  },
  name: 'vault_list',
  title: 'List or search vaults',
  description:
    'Lists the vaults that you can read, with their summaries, oldest first. Start here if nobody gave you a vault id. With q it finds entries and summaries (entry 0) instead, newest first.',
  output: NotesList,
};

/** The tool that lists vaults. */
export function makeListTools({ list, search }: VaultInputs): Tool[] {
  const { q, writer, tag, limit, cursor, details } = list.shape;
  const { history } = search.shape;
  return [
    tool({
      ...LIST,
      input: z
        .strictObject({ q, history, writer, tag, details, limit, cursor })
        .refine((args) => args.history === undefined, { path: ['history'], message: 'needs q' }),
      toInput: ({ history: _, ...args }) => ({ limit: LISTED_VAULTS, ...args }),
      maxBytes: () => budgetOfRows(),
      render: renderList,
    }),
  ];
}

/** The same tool with `q`. */
export function makeSearchTools({ search }: VaultInputs): Tool[] {
  const { q, writer, tag, history, limit, cursor } = search.shape;
  return [
    tool({
      ...LIST,
      answers: (args) => typeof args === 'object' && args !== null && 'q' in args,
      input: z.strictObject({ q, writer, tag, history, limit, cursor }),
      toInput: (args) => args,
      render: renderHits,
    }),
  ];
}
