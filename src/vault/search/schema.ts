import { z } from 'zod';
import { timestamp } from '../../wire.ts';
import { entryNo, kind, seq, version, writerId } from '../schema.ts';
import { SNIPPET_CHARACTERS } from './snippet.ts';

const place = z.int().min(0).max(SNIPPET_CHARACTERS);

export const SearchHit = z
  .object({
    vault_id: z.string(),
    summary: z.string().meta({ description: 'The summary of the vault.' }),
    entry_no: entryNo(0),
    version,
    current: z.boolean().meta({ description: 'Whether the entry has no later version.' }),
    kind,
    seq,
    writer_id: writerId,
    author: z
      .string()
      .nullable()
      .meta({ description: 'What the server proved about the writer; null: it was not kept.' }),
    created_at: timestamp,
    tags: z.array(z.string()),
    snippet: z.string().max(SNIPPET_CHARACTERS).meta({
      description: 'The part of the text around its first match, in whole characters.',
    }),
    matches: z
      .array(z.tuple([place, place]))
      .meta({ description: 'Start and end of each match in the snippet, in UTF-16 code units.' }),
  })
  .meta({ id: 'SearchHit', description: 'A version of an entry or of a summary.' });
export type SearchHit = z.output<typeof SearchHit>;

export const SearchPage = z
  .object({ hits: z.array(SearchHit), next_cursor: z.string().nullable() })
  .meta({ id: 'SearchPage' });
