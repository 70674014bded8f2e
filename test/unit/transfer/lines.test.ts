import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { formatLine } from '../../../src/transfer/format.ts';
import { readLines } from '../../../src/transfer/lines.ts';

/** What MAX_TEXT_BYTES may be at most. */
const LONGEST_TEXT = 16_777_216;

const lengthsOf = async (input: Iterable<Buffer>): Promise<number[]> => {
  const lengths: number[] = [];
  for await (const { text } of readLines(Readable.from(input))) lengths.push(text.length);
  return lengths;
};

test('the longest text of a server fits a line, with any characters', async () => {
  const line = formatLine({
    type: 'row',
    position: '2:v-1',
    vault_id: 'v-1',
    seq: 2,
    entry_no: 1,
    version: 1,
    kind: 'content',
    writer_id: 'ann',
    author: null,
    to: null,
    salt: null,
    created_at: '2026-11-24T16:13:04.156964Z',
    tags: [],
    // In JSON each takes six characters.
    content: '\u0001'.repeat(LONGEST_TEXT),
    hash: '0'.repeat(64),
    key: null,
  });
  const bytes = Buffer.from(line);
  expect(await lengthsOf([bytes.subarray(0, -1), bytes.subarray(-1)])).toEqual([line.length - 1]);
});

test('a line without an end is refused before it fills the memory', async () => {
  const chunk = Buffer.alloc(1024 * 1024, 'x');
  const endless = function* () {
    for (;;) yield chunk;
  };
  await expect(lengthsOf(endless())).rejects.toThrow('Line 1: it is longer than any line of an export.');
});
