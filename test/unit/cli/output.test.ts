import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { Output, OutputError, ReaderGoneError } from '../../../src/cli/output.ts';
import { printed } from '../../support/output.ts';

async function* counted(n: number, taken: { rows: number }) {
  for (; taken.rows < n; taken.rows++) yield { n: taken.rows, hostname: '\u001b[2J\u202e' };
}

describe('the output', () => {
  test('a line is one line', async () => {
    expect(await printed((out) => out.line('a\nb\u001b'))).toBe('a\\u{a}b\\u{1b}\n');
  });

  test('a text keeps its own lines', async () => {
    expect(await printed((out) => out.text('\na\nb\u2028c\n'))).toBe('\na\nb\\u{2028}c\n');
    expect(await printed((out) => out.text(''))).toBe('');
  });

  test.each([0, 1, 3])('an array of %d rows is one JSON value', async (n) => {
    const text = await printed((out) => out.jsonArray(counted(n, { rows: 0 })));
    expect(text).not.toContain('\u001b');
    expect(JSON.parse(text)).toEqual(
      Array.from({ length: n }, (_, i) => ({ n: i, hostname: '\u001b[2J\u202e' })),
    );
  });
});

describe('a text of a stranger', () => {
  const text = 'a\tb\r\n\u001b[2J\n\nend';

  test('below a heading is indented and escaped, and keeps its lines and tabs', async () => {
    expect(await printed((out) => out.note('e1\u001b', text))).toBe(
      'e1\\u{1b}\n  a\tb\n  \\u{1b}[2J\n\n  end\n',
    );
  });

  /** @returns what is written to a terminal */
  async function shown(hasColours: boolean, work: (out: Output) => Promise<void>): Promise<string> {
    let all = '';
    const stream = new Writable({
      decodeStrings: false,
      write(chunk, _encoding, done) {
        all += chunk;
        done();
      },
    });
    const out = new Output(Object.assign(stream, { isTTY: true, hasColors: () => hasColours }));
    await work(out);
    await out.flush();
    return all;
  }

  test('has a coloured heading on a terminal with colours alone', async () => {
    const note = (out: Output) => out.note('e1', 'x');
    expect(await shown(true, note)).toBe('\u001b[36me1\u001b[39m\n  x\n');
    expect(await shown(false, note)).toBe('e1\n  x\n');
  });

  test('is bare for a program, and escaped on a terminal', async () => {
    const bare = (out: Output) => out.bare(text);
    expect(await printed(bare)).toBe(`${text}\n`);
    expect(await shown(true, bare)).toBe('a\tb\n\\u{1b}[2J\n\nend\n');
  });
});

describe('the reader', () => {
  test('a slow reader delays the rows', async () => {
    const taken = { rows: 0 };
    let proceed = () => {};
    const slow = new Writable({
      write(_chunk, _encoding, done) {
        proceed = done;
      },
    });
    const printing = new Output(slow).jsonArray(counted(100_000, taken));
    await new Promise((resolve) => setImmediate(resolve));
    const before = taken.rows;
    expect(before).toBeLessThan(3000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(taken.rows).toBe(before);
    slow.destroy();
    proceed();
    await expect(printing).rejects.toThrow();
  });

  test.each([
    ['EPIPE', ReaderGoneError, 'The reader closed the output.'],
    ['ENOSPC', OutputError, 'The output cannot be written: the disk is full (ENOSPC).'],
    ['EIO', OutputError, 'The output cannot be written: the disk or terminal failed (EIO).'],
  ])('%s ends the command with a distinct error', async (code, kind, message) => {
    const broken = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('write'), { code })),
    });
    const ended = new Output(broken).line('x');
    await expect(ended).rejects.toThrow(kind);
    await expect(ended).rejects.toThrow(message);
  });
});
