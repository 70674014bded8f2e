import { eastAsianWidth } from 'get-east-asian-width';
import { escapeText, RGI_EMOJI } from '../printable.ts';

/** Rows whose cells decide how wide the columns are; a wider cell that comes later pushes the rest of its line. */
const SAMPLE = 1000;

/** Intl.Segmenter would take minutes for a long run of joined emoji. */
const EMOJI = new RegExp(RGI_EMOJI, 'gv');

/** @returns the columns of a terminal that printable text takes */
export function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text.replace(EMOJI, 'xx')) {
    if (!/\p{M}/u.test(character)) width += eastAsianWidth(character.codePointAt(0) ?? 0);
  }
  return width;
}

function makeFormatter(sample: string[][]): (row: string[]) => string {
  const widths: number[] = [];
  for (const row of sample) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
  }
  const pad = (cell: string, column: number) =>
    cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell)));
  return (row) => row.map(pad).join('  ').trimEnd();
}

/** Formats a table of any length in constant memory. @returns its lines, safe for a terminal */
export async function* formatTable(
  head: string[],
  rows: Iterable<string[]> | AsyncIterable<string[]>,
): AsyncGenerator<string> {
  let sample: string[][] | undefined = [head];
  let format = makeFormatter(sample);
  for await (const row of rows) {
    const cells = row.map(escapeText);
    if (!sample) {
      yield format(cells);
    } else if (sample.push(cells) > SAMPLE) {
      format = makeFormatter(sample);
      for (const early of sample) yield format(early);
      sample = undefined;
    }
  }
  if (!sample) return;
  format = makeFormatter(sample);
  for (const early of sample) yield format(early);
}
