import { createHash, timingSafeEqual } from 'node:crypto';
import { badRequest, unauthorized } from '../errors.ts';
import type { Caller, Reader } from './policy.ts';
import type { Source } from './source.ts';

/** The credentials of a request, on both surfaces. */
export interface Credentials {
  /** The `Authorization` header. */
  authorization: string | undefined;
  /** Every value of `?id=`, decoded. Read once the session is proven, and may throw. */
  readIds(): readonly string[];
  /** Where the request came from; undefined for calls that no request stands behind. */
  source?: Source | undefined;
}

interface KnownSession {
  workSessionId: string;
  /** Hexadecimal SHA-256 of its id. */
  idHash: string;
}

export interface CallerRules {
  /** At once where it is known, else when it was looked up. */
  findSession(sessionId: string): KnownSession | undefined | Promise<KnownSession | undefined>;
  maxClientIdCharacters: number;
  /** Whether this is the operator's token; false when there is none. */
  isOperatorToken(token: string): boolean;
}

/** The scheme's word comes in any case; the rest is one opaque token. `Bearer` and `session` mean the same. */
const SESSION_SCHEME = /^(?:session|bearer) +([\x21-\x7e]{1,512})$/i;

const OPERATOR_SCHEME = /^dashboard +([\x21-\x7e]{1,512})$/i;

/** @returns the token of an `Authorization: dashboard <token>` header, else undefined */
export function readOperatorToken(authorization: string | undefined): string | undefined {
  return OPERATOR_SCHEME.exec(authorization?.trim() ?? '')?.[1];
}

/** @returns the session id of an `Authorization: Bearer <id>` or `session <id>` header, else undefined */
export function readSessionId(authorization: string | undefined): string | undefined {
  return SESSION_SCHEME.exec(authorization?.trim() ?? '')?.[1];
}

function readClientId(ids: readonly string[], maxCharacters: number): string {
  const [id, another] = ids;
  if (!id) throw badRequest('The query parameter id (your client id) is missing or empty.');
  if (another !== undefined) throw badRequest('The query parameter id is given more than once.');
  if (id.includes('\0') || !id.isWellFormed()) {
    throw badRequest('The query parameter id must not contain the NUL character or a lone surrogate.');
  }
  // Characters are code points, of which there are at most as many as code units.
  if (id.length > maxCharacters && [...id].length > maxCharacters) {
    throw badRequest(`The query parameter id is longer than ${maxCharacters} characters.`);
  }
  return id;
}

/**
 * Identifies the reader: an operator, who needs no client id, or a caller.
 * @returns synchronously where the session is cached, otherwise a promise
 * @throws RelayError as `resolveCaller`, at once or by the promise
 */
export function resolveReader(credentials: Credentials, rules: CallerRules): Reader | Promise<Reader> {
  const token = readOperatorToken(credentials.authorization);
  if (token === undefined) return resolveCaller(credentials, rules);
  if (!rules.isOperatorToken(token)) throw unauthorized('This operator token is not accepted.');
  return { operator: true, ...(credentials.source && { origin: credentials.source }) };
}

/**
 * Identifies the caller. The session is checked before the client id is read.
 * @returns synchronously where the session is cached, otherwise a promise
 * @throws RelayError `UNAUTHORIZED`, `BAD_REQUEST`, or what looking the session up throws, at once or by the promise
 */
export function resolveCaller(credentials: Credentials, rules: CallerRules): Caller | Promise<Caller> {
  const sessionId = readSessionId(credentials.authorization);
  if (sessionId === undefined) {
    throw unauthorized(
      'Send the header "Authorization: Bearer <session_id>" or "Authorization: session <session_id>".',
    );
  }
  const toCaller = (session: KnownSession | undefined) =>
    makeCaller(session, credentials, rules.maxClientIdCharacters);
  const found = rules.findSession(sessionId);
  return found instanceof Promise ? found.then(toCaller) : toCaller(found);
}

function makeCaller(
  session: KnownSession | undefined,
  { readIds, source }: Credentials,
  maxClientIdCharacters: number,
): Caller {
  if (!session) {
    throw unauthorized('This session is unknown, expired, denied, revoked, or not bound to an Astation.');
  }
  return {
    workSessionId: session.workSessionId,
    clientId: readClientId(readIds(), maxClientIdCharacters),
    origin: source && {
      requestId: source.requestId,
      address: source.address,
      sessionHash: session.idHash,
    },
  };
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * @param token of the settings; undefined: there is no operator
 * @returns a check of an offered token in constant time, so that its duration reveals nothing about the token
 */
export function makeOperatorTokenCheck(token: string | undefined): (offered: string) => boolean {
  if (token === undefined) return () => false;
  const expected = digest(token);
  return (offered) => timingSafeEqual(digest(offered), expected);
}
