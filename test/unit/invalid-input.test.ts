import { describe, expect, test } from 'vitest';
import { ZodError, z } from 'zod';
import { describeInvalidInput } from '../../src/api/invalid-input.ts';
import { showName } from '../../src/errors.ts';

const schema = z.strictObject({
  name: z.string().min(1).max(3).optional(),
  count: z.int().min(0).max(5).optional(),
  flag: z.boolean().optional(),
  ids: z.array(z.string()).max(2).optional(),
  kind: z.enum(['a', 'b']).optional(),
  inner: z.strictObject({ deep: z.string() }).optional(),
});

function refusalOf(input: unknown, by: z.ZodType = schema) {
  const { error } = by.safeParse(input);
  if (!error) throw new Error('The input was accepted');
  const { code, message } = describeInvalidInput(error);
  return `${code}: ${message}`;
}

const WHOLE = 'must be a whole number that is not negative.';

test.each<[unknown, string]>([
  [{ name: 3 }, 'Field name must be a string.'],
  [{ name: null }, 'Field name must be a string.'],
  [{ name: '' }, 'Field name must be at least 1 character long.'],
  [{ name: 'long' }, 'Field name must be at most 3 characters long.'],
  [{ count: '3' }, `Field count ${WHOLE}`],
  [{ count: 1.5 }, `Field count ${WHOLE}`],
  [{ count: Number.NaN }, `Field count ${WHOLE}`],
  [{ count: Number.POSITIVE_INFINITY }, `Field count ${WHOLE}`],
  [{ count: -1 }, `Field count ${WHOLE}`],
  [{ count: 6 }, 'Field count must be at most 5.'],
  [{ flag: 1 }, 'Field flag must be true or false.'],
  [{ ids: 'a' }, 'Field ids must be a list.'],
  [{ ids: ['a', 'b', 'c'] }, 'Field ids must have at most 2 items.'],
  [{ ids: ['a', 1] }, 'Field ids.1 must be a string.'],
  [{ kind: 'c' }, 'Field kind: Invalid option: expected one of "a"|"b".'],
  [{ inner: {} }, 'Field inner.deep is missing; it must be a string.'],
  [{ inner: { deep: 'a', wide: 1 } }, 'Unknown field wide; it is not part of this call.'],
  [{ nme: 'a' }, 'Unknown field nme; it is not part of this call.'],
  [null, 'The input must be a JSON object.'],
  [undefined, 'The input is missing; it must be a JSON object.'],
  [[], 'The input must be a JSON object.'],
  ['a', 'The input must be a JSON object.'],
])('%j is refused in one sentence that names the field', (input, sentence) => {
  expect(refusalOf(input)).toBe(`BAD_REQUEST: ${sentence}`);
});

describe('of several things that are wrong', () => {
  test('an unknown field is named first: it may be the missing one, misspelt', () => {
    const strict = z.strictObject({ text: z.string(), more: z.string() });
    expect(refusalOf({ txt: 'a' }, strict)).toBe(
      'BAD_REQUEST: Unknown field txt; it is not part of this call.',
    );
  });

  test('one is named, the first', () => {
    expect(refusalOf({ name: 1, count: 'a' })).toBe('BAD_REQUEST: Field name must be a string.');
    expect(refusalOf({ b: 1, a: 2 })).toBe('BAD_REQUEST: Unknown field b; it is not part of this call.');
  });
});

test('a custom rule has its message, and may be about size', () => {
  const own = z.object({
    text: z.string().check((context) => {
      context.issues.push({
        code: 'custom',
        input: context.value,
        message: `is no ${context.value}`,
        params: { tooLarge: context.value === 'size' },
      });
    }),
  });
  expect(refusalOf({ text: 'word' }, own)).toBe('BAD_REQUEST: Field text is no word.');
  expect(refusalOf({ text: 'size' }, own)).toBe('PAYLOAD_TOO_LARGE: Field text is no size.');
});

test('an error without issues is still a refusal', () => {
  expect(describeInvalidInput(new ZodError([]))).toMatchObject({
    code: 'BAD_REQUEST',
    message: 'The input is not valid.',
  });
});

describe('a name from the client', () => {
  test.each([
    ['text', 'text'],
    ['__proto__', '__proto__'],
    ['since[]', 'since[]'],
    ['a.b-c', 'a.b-c'],
    ['', '""'],
    ['a b', '"a b"'],
    ['a"b', '"a\\"b"'],
    ['a\nb\u0000', '"a\\nb\\u0000"'],
    ['团', '"团"'],
    ['\ud800', '"\\ud800"'],
    ['a'.repeat(64), 'a'.repeat(64)],
    ['a'.repeat(65), `${'a'.repeat(64)}…`],
    ['🦀'.repeat(33), `"${'🦀'.repeat(32)}…"`],
    [`a${'🦀'.repeat(33)}`, `"a${'🦀'.repeat(31)}\ufffd…"`],
  ])('%j is shown as %s', (name, shown) => {
    expect(showName(name)).toBe(shown);
  });
});
