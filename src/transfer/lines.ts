import { isUtf8 } from 'node:buffer';

/** Beyond the longest text that a server can be set to take, each of whose characters JSON may write as six. */
const MAX_LINE_BYTES = 128 * 1024 * 1024;

const NEWLINE = 0x0a;

/** A line of a file, numbered from 1. */
export interface NumberedLine {
  no: number;
  text: string;
  /** Whether it ends with its newline: the last one of a file that was cut off does not. */
  whole: boolean;
}

function decode(parts: Buffer[], no: number): string {
  const bytes = Buffer.concat(parts);
  if (!isUtf8(bytes)) throw new Error(`Line ${no}: it is not UTF-8.`);
  return bytes.toString('utf8');
}

/**
 * Cuts a stream at its newlines, and at nothing else: texts hold characters that are ends of lines elsewhere.
 * @throws Error for what is no UTF-8, or for a line without an end
 */
export async function* readLines(input: AsyncIterable<Buffer>): AsyncGenerator<NumberedLine> {
  let parts: Buffer[] = [];
  let bytes = 0;
  let no = 1;
  for await (const chunk of input) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      parts.push(chunk.subarray(start, end));
      yield { no, text: decode(parts, no), whole: true };
      no++;
      parts = [];
      bytes = 0;
      start = end + 1;
    }
    parts.push(chunk.subarray(start));
    bytes += chunk.length - start;
    if (bytes > MAX_LINE_BYTES) throw new Error(`Line ${no}: it is longer than any line of an export.`);
  }
  if (bytes > 0) yield { no, text: decode(parts, no), whole: false };
}
