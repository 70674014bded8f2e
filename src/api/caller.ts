import { badRequest, unauthorized } from '../errors.ts';
import type { Caller, Origin, Reader } from '../vault/policy.ts';

/** What a request says about who sends it, the same on both surfaces. */
export interface Credentials {
  /** The `Authorization` header. */
  authorization: string | undefined;
  /** Every value of `?id=`, decoded. Read once the session is proven, and may throw. */
  readIds(): readonly string[];
  origin?: Origin | undefined;
}

interface KnownSession {
  workSessionId: string;
}

export interface CallerRules {
  /** At once where it is known, else when it was looked up. */
  findSession(sessionId: string): KnownSession | undefined | Promise<KnownSession | undefined>;
  maxClientIdCharacters: number;
  /** Whether this is the operator's token; false when there is none. */
  isOperatorToken(token: string): boolean;
}

/** The scheme's word comes in any case; the rest is one opaque token. */
const SESSION_SCHEME = /^session +([\x21-\x7e]{1,512})$/i;

const OPERATOR_SCHEME = /^dashboard +([\x21-\x7e]{1,512})$/i;

/** @returns the token of an `Authorization: dashboard <token>` header, else undefined */
export function readOperatorToken(authorization: string | undefined): string | undefined {
  return OPERATOR_SCHEME.exec(authorization?.trim() ?? '')?.[1];
}

/** @returns the session id of an `Authorization: session <id>` header, else undefined */
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
 * Finds out who reads: an operator, who needs no client id, or a caller.
 * @throws RelayError as `resolveCaller`
 */
export async function resolveReader(credentials: Credentials, rules: CallerRules): Promise<Reader> {
  const token = readOperatorToken(credentials.authorization);
  if (token === undefined) return resolveCaller(credentials, rules);
  if (!rules.isOperatorToken(token)) throw unauthorized('This operator token is not accepted.');
  return { operator: true, ...(credentials.origin && { origin: credentials.origin }) };
}

/**
 * Finds out who calls: first whether the session holds, then who the caller says it is.
 * @throws RelayError `UNAUTHORIZED`, `BAD_REQUEST`, or what looking the session up throws
 */
export async function resolveCaller(
  { authorization, readIds, origin }: Credentials,
  rules: CallerRules,
): Promise<Caller> {
  const sessionId = readSessionId(authorization);
  if (sessionId === undefined) {
    throw unauthorized('Send the header "Authorization: session <session_id>".');
  }
  const found = rules.findSession(sessionId);
  const session = found instanceof Promise ? await found : found;
  if (!session) {
    throw unauthorized('This session is unknown, expired, denied, revoked, or not bound to an Astation.');
  }
  return {
    workSessionId: session.workSessionId,
    clientId: readClientId(readIds(), rules.maxClientIdCharacters),
    ...(origin && { origin }),
  };
}
