import { expect, test } from 'vitest';
import { en } from '../../../src/dashboard/i18n/en.ts';
import { zh } from '../../../src/dashboard/i18n/zh.ts';

test('D11: the sentence of each problem is in the language of the reader', () => {
  expect(Object.keys(zh.problems)).toEqual(Object.keys(en.problems));
  for (const sentence of Object.values(en.problems).filter((one) => typeof one === 'string'))
    expect(sentence).toMatch(/^[\x20-\x7e’“”]+$/);
  for (const sentence of Object.values(zh.problems).filter((one) => typeof one === 'string'))
    expect(sentence).toMatch(/^[^a-z]+$/i);
});
