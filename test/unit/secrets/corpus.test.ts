import { expect, test } from 'vitest';
import { findSecrets } from '../../../src/secrets/scan.ts';
import { LOOK_ALIKES } from './look-alikes.ts';
import { makeRandom } from './random.ts';
import { AROUND, MARKED, type Shape, TOKENS } from './shapes.ts';

const random = makeRandom(20261130);

const kindsIn = (text: string): string[] => findSecrets(text).map(({ kind }) => kind);

/** @returns the texts in which the secret is not found, alone and as its kind */
const missed = (shapes: readonly Shape[], around: readonly ((secret: string) => string)[]): string[] =>
  shapes.flatMap(([kind, make]) =>
    around.flatMap((wrap) => {
      const text = wrap(make(random));
      const kinds = kindsIn(text);
      return kinds.length === 1 && kinds[0] === kind ? [] : [`${kind}: ${kinds.join(', ')}: ${text}`];
    }),
  );

// docs/security.md states the figures of both tests.
test('corpus of secrets: each shape is found once, as its kind, in each surrounding', () => {
  const alone = [(text: string) => text, (text: string) => `Notes:\n${text}\nEnd.`];
  expect([...missed(TOKENS, AROUND), ...missed(MARKED, alone)]).toEqual([]);
  expect(TOKENS.length + MARKED.length).toBe(109);
  expect(TOKENS.length * AROUND.length + MARKED.length * alone.length).toBe(722);
});

test('corpus of look-alikes: none is taken for a secret', () => {
  const makers = Object.values(LOOK_ALIKES).flat();
  const texts = new Set(makers.flatMap((make) => Array.from({ length: 4 }, () => make(random))));
  expect(
    [...texts].filter((text) => kindsIn(text).length > 0).map((text) => `${kindsIn(text)}: ${text}`),
  ).toEqual([]);
  expect(makers).toHaveLength(105);
  expect(texts.size).toBe(285);
});
