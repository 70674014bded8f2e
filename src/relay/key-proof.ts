import { createPublicKey, type KeyObject, verify } from 'node:crypto';

/** A valid proof with its key in canonical form (lower-case hex), or the reason why it is invalid. */
export type Verdict = { ok: true; publicKey: string } | { ok: false; reason: string };

/** An Astation's proof of its key. Hex digits may be upper or lower case. */
export interface Proof {
  astationId: string;
  /** P-256 in X9.63 uncompressed form, 130 hex digits (SEC 1, section 2.3.3). */
  publicKeyHex: string;
  /** ECDSA over SHA-256 as DER (RFC 3279, section 2.2.3). */
  signatureHex: string;
}

/** The bytes before the point in a P-256 SubjectPublicKeyInfo (RFC 5480, section 2). */
const SPKI_HEAD = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');

/** SEQUENCE of two INTEGERs of at most 33 bytes each. */
const MAX_SIGNATURE_BYTES = 72;

const MAX_ASTATION_ID_BYTES = 255;

/**
 * A new challenge: 32 random bytes as lower-case hex, valid for one socket. Replays are detected by the challenge and
 * never by the signature's bytes, because (r, s) and (r, n − s) are both valid signatures.
 */
export function createChallenge(randomBytes: (size: number) => Uint8Array): string {
  return Buffer.from(randomBytes(32)).toString('hex');
}

/** Whether a text is a valid `astation_id`: 1 to 255 bytes of well-formed UTF-8 without control characters. */
export function isAstationId(text: string): boolean {
  return (
    text !== '' && Buffer.byteLength(text) <= MAX_ASTATION_ID_BYTES && !/[\p{Cc}\p{Surrogate}]/u.test(text)
  );
}

/**
 * Verifies a `relayAuth` (contract, section 4). The caller must already have checked that `astationId` is the socket's
 * room code, and that the challenge belongs to the socket and has not expired. Never throws.
 */
export function verifyAstationProof(proof: Proof & { challenge: string }): Verdict {
  return verifySigned(proof, `station-relay-auth-v1\n${proof.challenge}\n${proof.astationId}`);
}

/**
 * Verifies a signed grant (contract, section 4). The caller passes the key registered for `astationId`, and the session
 * id and OTP that the server stored. Never throws.
 */
export function verifyGrant(grant: Proof & { sessionId: string; otp: string }): Verdict {
  // A line break inside a field would make one signed text valid for another grant.
  if (/[\r\n]/.test(grant.sessionId + grant.otp)) return { ok: false, reason: 'invalid session id or otp' };
  return verifySigned(grant, `vault-relay-grant-v1\n${grant.sessionId}\n${grant.otp}\n${grant.astationId}`);
}

/** @returns the key in canonical form (lower-case hex); undefined if it is not a point of P-256 */
export function readPublicKey(hex: string): string | undefined {
  const key = hex.toLowerCase();
  return /^04[0-9a-f]{128}$/.test(key) && importPoint(key) ? key : undefined;
}

function verifySigned(proof: Proof, signed: string): Verdict {
  if (!isAstationId(proof.astationId)) return { ok: false, reason: 'invalid astation_id' };
  const publicKey = proof.publicKeyHex.toLowerCase();
  const key = /^04[0-9a-f]{128}$/.test(publicKey) ? importPoint(publicKey) : undefined;
  if (!key) return { ok: false, reason: 'invalid public_key' };
  const signature = readHex(proof.signatureHex, MAX_SIGNATURE_BYTES);
  if (!signature) return { ok: false, reason: 'invalid signature' };
  // OpenSSL re-encodes the signature and compares it, so it refuses BER and trailing bytes.
  if (!verify('sha256', Buffer.from(signed), { key, dsaEncoding: 'der' }, signature)) {
    return { ok: false, reason: 'signature verification failed' };
  }
  return { ok: true, publicKey };
}

/** @returns undefined if the point is not on the curve */
function importPoint(hex: string): KeyObject | undefined {
  try {
    return createPublicKey({
      key: Buffer.concat([SPKI_HEAD, Buffer.from(hex, 'hex')]),
      format: 'der',
      type: 'spki',
    });
  } catch {
    return undefined; // no point on the curve; the caller refuses the key
  }
}

function readHex(hex: string, maxBytes: number): Buffer | undefined {
  // The pattern is needed because Buffer.from silently stops at the first non-hex character.
  return hex.length <= maxBytes * 2 && /^(?:[0-9a-f]{2})+$/i.test(hex) ? Buffer.from(hex, 'hex') : undefined;
}
