import { describe, expect, test } from 'vitest';
import {
  createChallenge,
  isAstationId,
  verifyAstationProof,
  verifyGrant,
} from '../../../src/relay/key-proof.ts';
import vectors from './identity-vectors.json' with { type: 'json' };

/** Order of the P-256 group (SEC 2, section 2.4.2). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

test.each(vectors.proofs)('proof: $name', ({ proof, expected }) => {
  expect(verifyAstationProof(proof)).toEqual(expected);
});

test.each(vectors.grants)('grant: $name', ({ grant, expected }) => {
  expect(verifyGrant(grant)).toEqual(expected);
});

const valid = () => {
  const found = vectors.proofs.find(({ name }) => name === 'valid');
  if (!found) throw new Error('the vectors lack a valid proof');
  return found.proof;
};

describe('verifyAstationProof', () => {
  test('accepts the mirrored signature too, so replay detection uses the challenge', () => {
    const { signatureHex } = valid();
    const rLength = 2 * Number.parseInt(signatureHex.slice(6, 8), 16);
    const s = BigInt(`0x${signatureHex.slice(8 + rLength + 4)}`);
    let mirrored = (ORDER - s).toString(16);
    if (mirrored.length % 2) mirrored = `0${mirrored}`;
    if (mirrored >= '8') mirrored = `00${mirrored}`;
    const head = signatureHex.slice(4, 8 + rLength);
    const body = `${head}02${(mirrored.length / 2).toString(16).padStart(2, '0')}${mirrored}`;
    const other = `30${(body.length / 2).toString(16).padStart(2, '0')}${body}`;
    expect(other).not.toBe(signatureHex);
    expect(verifyAstationProof({ ...valid(), signatureHex: other }).ok).toBe(true);
  });

  test('refuses any single flipped bit of the signature', () => {
    const proof = valid();
    for (let at = 0; at < proof.signatureHex.length; at += 3) {
      const digits = [...proof.signatureHex];
      digits[at] = (Number.parseInt(digits[at] ?? '0', 16) ^ 1).toString(16);
      expect(verifyAstationProof({ ...proof, signatureHex: digits.join('') }).ok).toBe(false);
    }
  });

  test.each(['', 'a\nb', 'a\u0000', '\ud800', 'é'.repeat(128)])(
    'refuses the astation id %j',
    (astationId) => {
      expect(verifyAstationProof({ ...valid(), astationId })).toEqual({
        ok: false,
        reason: 'invalid astation_id',
      });
      expect(isAstationId(astationId)).toBe(false);
    },
  );

  test('refuses a signature of a megabyte unread', () => {
    const verdict = verifyAstationProof({ ...valid(), signatureHex: '30'.repeat(500_000) });
    expect(verdict).toEqual({ ok: false, reason: 'invalid signature' });
  });
});

test('isAstationId', () => {
  expect(isAstationId('astation-团队')).toBe(true);
  expect(isAstationId('a'.repeat(255))).toBe(true);
  expect(isAstationId('a'.repeat(256))).toBe(false);
});

test('a challenge is 32 bytes as lower-case hex', () => {
  expect(createChallenge((size) => new Uint8Array(size).fill(0xab))).toBe('ab'.repeat(32));
});
