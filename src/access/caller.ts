import { createHash, timingSafeEqual } from 'node:crypto';
import { badRequest, forbidden, unauthorized } from '../errors.ts';
import { type Credential, kindOfSecret, PERSON_SCOPES } from './credential.ts';
import { isOperator, type Operator, type Reader } from './policy.ts';
import type { Source } from './source.ts';

/** The credentials of a request, on both surfaces. */
export interface Credentials {
  /** The `Authorization` header. */
  authorization: string | undefined;
  /** The secret in the cookie of a person. Read where there is no `Authorization`, and may throw. */
  readCookie?(): string | undefined;
  /** Every value of `?id=`, decoded. Read once the session is proven, and may throw. */
  readIds(): readonly string[];
  /** The work session that an operator acts in, on surfaces where operators do. Read last, and may throw. */
  readWorkSession?: (() => string) | undefined;
  /** Where the request came from; undefined for calls that no request stands behind. */
  source?: Source | undefined;
}

/** What an operator's token allows. */
export type OperatorRights = Pick<Operator, 'administers'>;

export interface CallerRules {
  /** At once where it is known, else when it was looked up. */
  findCredential(secret: string): Credential | undefined | Promise<Credential | undefined>;
  maxClientIdCharacters: number;
  /** What an offered token allows; undefined where it is not an operator's. */
  operatorOf(token: string): OperatorRights | undefined;
}

/** The scheme's word comes in any case; the rest is one opaque token. `Bearer` and `session` mean the same. */
const SESSION_SCHEME = /^(?:session|bearer) +([\x21-\x7e]{1,512})$/i;

const OPERATOR_SCHEME = /^dashboard +([\x21-\x7e]{1,512})$/i;

/** @returns the token of an `Authorization: dashboard <token>` header, else undefined */
export function readOperatorToken(authorization: string | undefined): string | undefined {
  return OPERATOR_SCHEME.exec(authorization?.trim() ?? '')?.[1];
}

/** @returns the session id or key of an `Authorization: Bearer <secret>` or `session <secret>` header, else undefined */
export function readSessionId(authorization: string | undefined): string | undefined {
  return SESSION_SCHEME.exec(authorization?.trim() ?? '')?.[1];
}

/** @returns the error for a secret that nothing usable was found for */
export const unknownCredential = (secret: string) =>
  unauthorized(
    kindOfSecret(secret) === 'key'
      ? 'This key is unknown, misspelt, expired, revoked, or of a banned Astation.'
      : 'This session is unknown, expired, denied, revoked, or not bound to an Astation.',
  );

const signedOut = () => unauthorized('You are signed out; sign in again.');

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
 * Identifies the reader: an operator, who needs no client id, or a caller. The credential is checked before the client id
 * is read.
 * @returns synchronously where the credential is cached, otherwise a promise
 * @throws RelayError `UNAUTHORIZED`, `BAD_REQUEST`, `FORBIDDEN` for another client id than the pinned one, or what the
 *   look-up throws, at once or by the promise
 */
export function resolveReader(credentials: Credentials, rules: CallerRules): Reader | Promise<Reader> {
  const reader = resolveOwn(credentials, rules);
  if (credentials.readWorkSession === undefined) return reader;
  return reader instanceof Promise
    ? reader.then((found) => actIn(found, credentials))
    : actIn(reader, credentials);
}

function resolveOwn(credentials: Credentials, rules: CallerRules): Reader | Promise<Reader> {
  const token = readOperatorToken(credentials.authorization);
  if (token === undefined) return resolveCredential(credentials, rules);
  const rights = rules.operatorOf(token);
  if (!rights) throw unauthorized('This operator token is not accepted.');
  return { operator: true, ...rights, ...(credentials.source && { origin: credentials.source }) };
}

function resolveCredential(credentials: Credentials, rules: CallerRules): Reader | Promise<Reader> {
  const { authorization } = credentials;
  const secret = authorization === undefined ? credentials.readCookie?.() : readSessionId(authorization);
  if (secret === undefined) {
    throw unauthorized(
      'Send the header "Authorization: Bearer <session_id>" or "Authorization: session <session_id>".',
    );
  }
  const toReader = (credential: Credential | undefined) => {
    if (!credential) throw authorization === undefined ? signedOut() : unknownCredential(secret);
    return readerOf(credential, credentials, rules.maxClientIdCharacters);
  };
  const found = rules.findCredential(secret);
  return found instanceof Promise ? found.then(toReader) : toReader(found);
}

/** @returns who a credential stands for @throws RelayError as `resolveReader` */
function readerOf(
  credential: Credential,
  { readIds, source }: Credentials,
  maxClientIdCharacters: number,
): Reader {
  const { clientId: pinned, workSessionId, kind, author, scopes, vaults, idHash } = credential;
  // Field by field, because this runs for each call, and spread objects take several times as long.
  const origin = source && {
    requestId: source.requestId,
    address: source.address,
    credentialHash: idHash,
  };
  if (workSessionId === null) {
    const clientId = pinned && checkPinned(pinned, readIds());
    return { operator: true, administers: true, author, clientId, origin };
  }
  const clientId =
    pinned === undefined ? readClientId(readIds(), maxClientIdCharacters) : checkPinned(pinned, readIds());
  return { workSessionId, clientId, kind, author, scopes, vaults, origin };
}

/** @throws RelayError `FORBIDDEN` where the request names another client */
function checkPinned(clientId: string, ids: readonly string[]): string {
  if (ids.every((id) => id === clientId)) return clientId;
  throw forbidden(
    'This credential has a pinned client id; leave out the query parameter id, or send that one.',
  );
}

/**
 * Who an operator by `ADMIN_TOKEN` is in a work session. Like the author of a person, it opens no vault to a client of
 * that name. No person has such an id.
 */
const BY_TOKEN = { clientId: 'operator', author: 'person:operator' };

/**
 * @returns an operator who administers as a caller of the work session that the request names; any other reader as it is
 * @throws RelayError `FORBIDDEN` where the reader may not act there, or names another client
 */
function actIn(reader: Reader, { readWorkSession, readIds }: Credentials): Reader {
  const workSessionId = readWorkSession?.();
  if (workSessionId === undefined) return reader;
  if (!isOperator(reader)) {
    if (reader.workSessionId === workSessionId) return reader;
    throw forbidden('You can act in your own work session only; leave out the query parameter work_session.');
  }
  if (!reader.administers) throw forbidden('This operator only reads; send the ADMIN_TOKEN to act.');
  const { clientId = BY_TOKEN.clientId, author = BY_TOKEN.author, origin } = reader;
  const scopes = PERSON_SCOPES;
  return {
    workSessionId,
    clientId: checkPinned(clientId, readIds()),
    kind: 'person',
    author,
    scopes,
    origin,
  };
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * @param tokens of the settings: `dashboard` reads, `admin` administers too; undefined: there is no such operator
 * @returns a check of an offered token in constant time, so that its duration reveals nothing about the tokens
 */
export function makeOperatorTokenCheck(tokens: {
  dashboard?: string | undefined;
  admin?: string | undefined;
}): (offered: string) => OperatorRights | undefined {
  const [dashboard, admin] = [tokens.dashboard, tokens.admin].map((token) => token && digest(token));
  return (offered) => {
    const given = digest(offered);
    if (admin && timingSafeEqual(given, admin)) return { administers: true };
    return dashboard && timingSafeEqual(given, dashboard) ? { administers: false } : undefined;
  };
}
