import { expect, test } from 'vitest';
import { makeVaultId } from '../../src/vault/write/create-store.ts';

const DRAWS = 200_000;
const BASE62 = [...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'];

test('a vault id is v- and ten characters that are each as likely as any other, at any place', () => {
  const counts = Array.from({ length: 10 }, () => new Map(BASE62.map((character) => [character, 0])));
  const ids = new Set<string>();
  for (let i = 0; i < DRAWS; i++) {
    const id = makeVaultId();
    ids.add(id);
    for (let place = 0; place < 10; place++) {
      const character = id.charAt(place + 2);
      const count = counts[place];
      count?.set(character, (count.get(character) ?? 0) + 1);
    }
  }
  for (const id of [...ids].slice(0, 1000)) expect(id).toMatch(/^v-[0-9A-Za-z]{10}$/);
  // 200,000 draws out of 62^10 collide once in forty million such runs.
  expect(ids.size).toBe(DRAWS);

  const expected = DRAWS / BASE62.length;
  for (const count of counts) {
    expect([...count.keys()].sort()).toEqual(BASE62);
    const chiSquare = [...count.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
    // With 61 degrees of freedom an honest source exceeds 160 once in 10^10 times; a byte taken modulo 62,
    // which draws eight of the characters a quarter more often, is above 1,500.
    expect(chiSquare).toBeLessThan(160);
  }
});
