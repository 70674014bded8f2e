import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_JSON_DEPTH, membersOf, parseJson } from '../../../src/relay/frames/frame-json.ts';

describe('parseJson', () => {
  test('goes 128 levels deep and no further', () => {
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    expect(MAX_JSON_DEPTH).toBe(128);
    expect(parseJson(nested(128)).ok).toBe(true);
    expect(parseJson(nested(129))).toEqual({ ok: false, reason: 'too deep' });
    expect(parseJson('{"a":'.repeat(129))).toEqual({ ok: false, reason: 'too deep' });
  });

  test('counts levels, not brackets: neither those in strings nor those side by side', () => {
    expect(parseJson(JSON.stringify('['.repeat(500)))).toEqual({ ok: true, value: '['.repeat(500) });
    expect(parseJson(`["\\"${'['.repeat(500)}"]`).ok).toBe(true);
    expect(parseJson(`[${'[],'.repeat(500)}[]]`).ok).toBe(true);
  });

  test.each(['', 'hello', '{', '"', '"\\', '{"a":1', '\ufeff{}'])('%j is not JSON', (text) => {
    expect(parseJson(text)).toEqual({ ok: false, reason: 'not JSON' });
  });
});

describe('membersOf', () => {
  test('keeps what parsing would change', () => {
    const text = '{ "n" : 12345678901234567890 ,"o":{"2":1,"1":[1.0,{"x":"},\\""}]}, "s":"a,b\\\\" }';
    expect([...membersOf(text)]).toEqual([
      ['n', '12345678901234567890'],
      ['o', '{"2":1,"1":[1.0,{"x":"},\\""}]}'],
      ['s', '"a,b\\\\"'],
    ]);
  });

  test('reads escaped names and takes the last of two', () => {
    expect(membersOf('{"pay\\u006coad":1,"payload":2}').get('payload')).toBe('2');
    expect(membersOf('{}').size).toBe(0);
  });

  test('agrees with JSON.parse on every object', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(2), (object, indent) => {
        const text = JSON.stringify(object, undefined, indent);
        const read = [...membersOf(text)].map(([name, value]) => [name, JSON.parse(value)]);
        expect(Object.fromEntries(read)).toEqual(JSON.parse(text));
      }),
    );
  });
});
