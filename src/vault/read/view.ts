import type { Reader } from '../../access/policy.ts';
import type { ReadOptions } from './page.ts';

/** One view of one vault, as a reader asks for it. */
export interface View {
  reader: Reader;
  vaultId: string;
  what: ReadOptions;
  /** The head that the reader has seen. If it is still current, the answer has no entries. */
  seenHead?: number | undefined;
}

/** All that decides what a look shows, beside who looks. */
export const wanted = ({
  since,
  history,
  kind,
  as_of,
  q,
  writer,
  author,
  tag,
  cursor,
  entry_id,
  details,
}: ReadOptions) => [since, history, kind, as_of, q, writer, author, tag, cursor, entry_id, details];
