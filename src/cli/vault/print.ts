import type { Entry } from '../../client/index.ts';
import type { CurrentVersion } from '../../errors.ts';
import type { Output } from '../output.ts';

/** How rows are printed. */
export type Format = 'human' | 'plain' | 'json';

type Row = CurrentVersion & Pick<Partial<Entry>, 'tags'>;

/** @returns a text on one line, for a table */
export const onOneLine = (text: string): string => text.trim().replace(/\s+/g, ' ');

/**
 * @returns what a row is, on one line. What strangers chose comes last, so that it cannot pass for a number or a time.
 */
export function headingOf(row: Omit<Row, 'content'>): string {
  const { entry_no, version, seq, created_at, writer_id, tags = [] } = row;
  const label = `${entry_no === 0 ? 'summary' : `e${entry_no}`} v${version}`;
  const time = created_at.replace(/\.\d+Z$/, 'Z');
  return [label, `seq ${seq}`, time, writer_id, ...tags.map((tag) => `#${tag}`)].map(onOneLine).join('  ');
}

/** Prints one row for a person: a heading, and the text below it. */
export const printRow = (out: Output, row: Row): Promise<void> => out.note(headingOf(row), row.content);

/** Prints rows as they come: for a person, as bare texts, or as one JSON array. */
export async function printRows(out: Output, rows: AsyncIterable<Entry>, format: Format): Promise<void> {
  if (format === 'json') return out.jsonArray(rows);
  for await (const row of rows) {
    if (format === 'plain') await out.bare(row.content);
    else await printRow(out, row);
  }
}
