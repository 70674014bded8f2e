import { createHash, hash, randomUUID } from 'node:crypto';

/** A fresh session id: a UUIDv4, 122 bits from a CSPRNG. */
export const makeSessionId = (): string => randomUUID();

/** The stored form of a session id: its SHA-256, 32 bytes. */
export const hashSessionId = (sessionId: string): Buffer => createHash('sha256').update(sessionId).digest();

/** The same in hexadecimal, as servers announce it to each other. */
export const hexHashOfSessionId = (sessionId: string): string => hash('sha256', sessionId, 'hex');

/** Identifies a session in lists and logs without revealing it: the first 12 hexadecimal digits of its hash. */
export const fingerprint = (idHash: Uint8Array | string): string =>
  (typeof idHash === 'string' ? idHash : Buffer.from(idHash).toString('hex')).slice(0, 12);
