import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import Fastify from 'fastify';
import { afterAll, describe, expect, test } from 'vitest';
import { findRelayError } from '../../src/errors.ts';
import { installJsonGuard, makeGuard } from '../../src/http/json-guard.ts';

/** Sends bytes through the guard in these pieces. @returns what came out, or why nothing did */
async function guard(pieces: Uint8Array[]): Promise<Buffer | string> {
  try {
    return await buffer(Readable.from(pieces, { objectMode: false }).compose(makeGuard()));
  } catch (error) {
    const refusal = findRelayError(error);
    if (!refusal) throw error;
    return refusal.message;
  }
}

const bytes = (text: string) => Buffer.from(text);
const whole = (text: string) => guard([bytes(text)]);

const NOT_UTF8 = 'The request body is not valid UTF-8.';
const TOO_DEEP = 'The request body nests deeper than 16 levels.';

/** Cuts at the given places; a piece is never empty. */
function cut(body: Buffer, places: number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % body.length))]
    .filter((end) => end > 0)
    .sort((a, b) => a - b);
  return [0, ...ends].map((start, i) => body.subarray(start, ends[i] ?? body.length));
}

const places = fc.array(fc.nat(), { maxLength: 12 });
const anyText = fc.string({ unit: 'binary', maxLength: 40 });
/** Texts of what a reader of JSON may stumble over. */
const trickyText = fc
  .array(fc.constantFrom('"', '\\', '[', ']', '{', '}', '\\"', '团', '🦀', 'é', ',', 'a'), { maxLength: 30 })
  .map((parts) => parts.join(''));

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe('a body passes as it is', () => {
  test.each([
    '',
    '{}',
    '{"text":"a"}',
    '[1,2.5,-3e4,true,false,null]',
    'no JSON at all',
    '"[[[[[[[[[[[[[[[[[[[["',
  ])('%j', async (text) => {
    expect(await whole(text)).toEqual(bytes(text));
  });

  test('whatever it holds and however it is cut', async () => {
    const json = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        anyText,
        trickyText,
        fc.integer(),
        fc.constant(null),
        tie('list'),
        tie('object'),
      ),
      list: fc.array(tie('value'), { maxLength: 4 }),
      object: fc.dictionary(trickyText, tie('value'), { maxKeys: 4 }),
    })).value;
    await fc.assert(
      fc.asyncProperty(json, places, async (value, where) => {
        const body = bytes(JSON.stringify(value));
        const expected = depthOf(value) <= 16 ? body : TOO_DEEP;
        expect(await guard(cut(body, where))).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a body that nests too deep is refused', () => {
  const nest = (depth: number, inner: string) => '[{"a":'.repeat(depth / 2) + inner + '}]'.repeat(depth / 2);

  test.each([
    ['16 levels pass', nest(16, '"a"'), undefined],
    ['17 do not', nest(16, '[]'), TOO_DEEP],
    ['nor do 17 objects', nest(16, '{}'), TOO_DEEP],
    ['also where it ends in the middle', '['.repeat(17), TOO_DEEP],
    ['many beside each other pass', `[${'[],'.repeat(1000)}[]]`, undefined],
    ['brackets in a string are text', nest(16, JSON.stringify('[{'.repeat(50))), undefined],
    ['so they are after an escaped quote', nest(16, '"\\"[[{"'), undefined],
    ['but not after an escaped backslash and a quote', nest(16, '"\\\\",[]'), TOO_DEEP],
    ['nor after a string with an escaped quote at its end', nest(16, '"a\\"",{}'), TOO_DEEP],
  ])('%s', async (_, text, refusal) => {
    expect(await whole(text)).toEqual(refusal ?? bytes(text));
    // The same, one byte at a time.
    expect(await guard([...bytes(text)].map((byte) => Uint8Array.of(byte)))).toEqual(refusal ?? bytes(text));
  });

  test('wherever it is cut, and whatever strings stand in it', async () => {
    await fc.assert(
      fc.asyncProperty(trickyText, fc.integer({ min: 0, max: 24 }), places, async (text, depth, where) => {
        const inner = `${JSON.stringify(text)}${',[]'.repeat(3)}`;
        const body = bytes(`${'['.repeat(depth)}[${inner}]${']'.repeat(depth)}`);
        expect(await guard(cut(body, where))).toEqual(depth + 2 > 16 ? TOO_DEEP : body);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a body that is no UTF-8 is refused', () => {
  test.each([
    ['Latin-1', [0x22, 0xe9, 0x22]],
    ['a byte that never occurs', [0xff]],
    ['a continuation alone', [0x80]],
    ['an overlong form', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['an end in the middle of a character', [0xe5, 0x9b]],
  ])('%s', async (_, body) => {
    expect(await guard([Uint8Array.from(body)])).toBe(NOT_UTF8);
    expect(await guard(body.map((byte) => Uint8Array.of(byte)))).toBe(NOT_UTF8);
  });

  test('exactly where a strict decoder refuses the whole of it, however it is cut', async () => {
    const pieces = fc.array(
      fc.oneof(
        fc.constantFrom('a', '团', '🦀', 'é').map((text) => [...bytes(text)]),
        fc.array(fc.integer({ min: 0x78, max: 0xff }), { minLength: 1, maxLength: 2 }),
      ),
      { minLength: 1, maxLength: 12 },
    );
    const isUtf8 = (body: Uint8Array) => {
      try {
        new TextDecoder('utf-8', { fatal: true }).decode(body);
        return true;
      } catch {
        return false;
      }
    };
    await fc.assert(
      fc.asyncProperty(pieces, places, async (parts, where) => {
        // Brackets are another rule's business.
        const body = Buffer.from(parts.flat().map((byte) => (byte === 0x7b || byte === 0x7d ? 0x61 : byte)));
        expect(await guard(cut(body, where))).toEqual(isUtf8(body) ? body : NOT_UTF8);
      }),
      { numRuns: 500 },
    );
  });
});

describe('mounted', () => {
  const app = Fastify();
  installJsonGuard(app);
  app.post('/', async (request) => request.body);
  app.setErrorHandler((error, _request, reply) =>
    reply.code(400).send({ error: findRelayError(error)?.message }),
  );
  afterAll(() => app.close());

  test('it lets a body through to its parser and keeps a refused one from it', async () => {
    const send = (payload: string | Buffer) =>
      app.inject({ method: 'POST', url: '/', headers: { 'content-type': 'application/json' }, payload });
    expect((await send('{"a":"团"}')).json()).toEqual({ a: '团' });
    expect((await send('['.repeat(100_000))).json()).toEqual({ error: TOO_DEEP });
    expect((await send(Buffer.from('{"a":"\xe9"}', 'latin1'))).json()).toEqual({ error: NOT_UTF8 });
  });
});
