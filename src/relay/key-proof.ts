import { createPublicKey, type KeyObject, verify } from 'node:crypto';

/** A proof that holds, with the key in the one spelling to store and compare; or why it does not. */
export type Verdict = { ok: true; publicKey: string } | { ok: false; reason: string };

/** What an Astation proves its key with. Hex digits in either case. */
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
 * A new challenge: 32 random bytes as lower-case hex, good for one socket. A replay is known by its challenge
 * and never by the signature's bytes, since of every signature both (r, s) and (r, n − s) hold.
 */
export function createChallenge(randomBytes: (size: number) => Uint8Array): string {
  return Buffer.from(randomBytes(32)).toString('hex');
}

/** Whether a text can be an `astation_id`: 1 to 255 UTF-8 bytes, well-formed, without control characters. */
export function isAstationId(text: string): boolean {
  return (
    text !== '' && Buffer.byteLength(text) <= MAX_ASTATION_ID_BYTES && !/[\p{Cc}\p{Surrogate}]/u.test(text)
  );
}

/**
 * Judges a `relayAuth` (contract, section 4). The caller has checked that `astationId` is the socket's room
 * code and that the challenge is the socket's own and still good. Never throws.
 */
export function verifyAstationProof(proof: Proof & { challenge: string }): Verdict {
  return judge(proof, `station-relay-auth-v1\n${proof.challenge}\n${proof.astationId}`);
}

/**
 * Judges a signed grant (contract, section 4). The caller passes the key that is registered for `astationId`,
 * and session id and OTP as the server knows them. Never throws.
 */
export function verifyGrant(grant: Proof & { sessionId: string; otp: string }): Verdict {
  // A line break inside a field would let one signed text be read as another grant.
  if (/[\r\n]/.test(grant.sessionId + grant.otp)) return { ok: false, reason: 'invalid session id or otp' };
  return judge(grant, `vault-relay-grant-v1\n${grant.sessionId}\n${grant.otp}\n${grant.astationId}`);
}

/** @returns a key in the one spelling to store and compare; undefined for what is not a point of P-256 */
export function readPublicKey(hex: string): string | undefined {
  const key = hex.toLowerCase();
  return /^04[0-9a-f]{128}$/.test(key) && importPoint(key) ? key : undefined;
}

function judge(proof: Proof, signed: string): Verdict {
  if (!isAstationId(proof.astationId)) return { ok: false, reason: 'invalid astation_id' };
  const publicKey = proof.publicKeyHex.toLowerCase();
  const key = /^04[0-9a-f]{128}$/.test(publicKey) ? importPoint(publicKey) : undefined;
  if (!key) return { ok: false, reason: 'invalid public_key' };
  const signature = readHex(proof.signatureHex, MAX_SIGNATURE_BYTES);
  if (!signature) return { ok: false, reason: 'invalid signature' };
  // OpenSSL writes the signature again and compares, which is what refuses BER and trailing bytes.
  if (!verify('sha256', Buffer.from(signed), { key, dsaEncoding: 'der' }, signature)) {
    return { ok: false, reason: 'signature verification failed' };
  }
  return { ok: true, publicKey };
}

/** Undefined for a point that is not on the curve. */
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
  // Buffer.from would stop silently at the first character that is no hex digit.
  return hex.length <= maxBytes * 2 && /^(?:[0-9a-f]{2})+$/i.test(hex) ? Buffer.from(hex, 'hex') : undefined;
}
