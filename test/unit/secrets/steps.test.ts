import { expect, test, vi } from 'vitest';
import { FORMATS, MAX_FAILURE } from '../../../src/secrets/formats.ts';
import { runsOf } from '../../../src/secrets/runs.ts';
import { findTokens } from '../../../src/secrets/tokens.ts';

/** @returns the characters that an expression may read before it fails: parts that may be missing fail nothing */
function reachOf(source: string): number {
  let required = source;
  for (let before = ''; before !== required; ) {
    before = required;
    required = required.replaceAll(/\(\?:[^()]*\)\?|.\{0,\d+\}$/g, '');
  }
  // A repetition at the end fails below its least number, and succeeds above.
  return [...required.matchAll(/\{(\d+)(?:,(\d+))?\}/g)].reduce(
    (sum, { 0: { length }, 1: least, 2: most = least, index }) =>
      sum + Number(index + length === required.length ? least : most),
    0,
  );
}

const REACH = new Map(FORMATS.map(({ rest }) => [new RegExp(rest).source, reachOf(rest)]));

/** @returns the characters that expressions read in a scan for tokens, at most, ÷ the characters of the text */
function readsOf(text: string): number {
  let read = 0;
  const exec = RegExp.prototype.exec;
  const spy = vi.spyOn(RegExp.prototype, 'exec').mockImplementation(function (this: RegExp, input) {
    const match = exec.call(this, input);
    // The expressions of forms read the text, and all others only a token.
    read += this.sticky ? (match?.[0].length ?? REACH.get(this.source) ?? Number.NaN) : input.length;
    return match;
  });
  try {
    findTokens(text, runsOf(text));
  } finally {
    spy.mockRestore();
  }
  return read / text.length;
}

test('the expression of each form fails within a bounded number of characters', () => {
  const far = FORMATS.filter(({ rest }) => reachOf(rest) > MAX_FAILURE);
  expect(far.map(({ kind, rest }) => [kind, reachOf(rest)])).toEqual([]);
  expect(reachOf('[a]{10,2000}\\.[b]{10,4000}')).toBe(2010);
});

const LENGTH = 8192;
const fill = (part: string): string => part.repeat(Math.ceil(LENGTH / part.length)).slice(0, LENGTH);

test('a text of beginnings, of any form: the scan reads each character a bounded number of times', () => {
  const begins = FORMATS.flatMap((format) => format.begins);
  const texts = [
    ...begins.flatMap((begin) => ['', '-', '_', '.', '-example-'].map((between) => begin + between)),
    `${'eyJ-'.repeat(500)}.${'eyJ-'.repeat(1000)} `,
    `${'eyJ-'.repeat(500)}.${'eyJ-'.repeat(1000)}.eyJ `,
    `${'eyJaaaaaaaaaa.'.repeat(500)} `,
    'sk-ant-api03-',
    'tskey-auth-',
    `${begins.join('-example-')}-`,
  ];
  const reads = texts.map((part) => ({ part: part.slice(0, 40), times: readsOf(fill(part)) }));
  expect(reads.filter(({ times }) => !(times <= 40))).toEqual([]);
  expect(reads.length).toBeGreaterThan(500);
});
