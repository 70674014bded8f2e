import type { FastifyInstance, FastifyRequest } from 'fastify';
import { readSessionId } from '../../access/caller.ts';
import type { Credential } from '../../access/credential.ts';
import type { CredentialCache } from '../../access/credential-cache.ts';
import { hexHashOfSessionId } from '../../access/session-id.ts';
import type { PersonCookies } from './person-cookie.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The credential that the request carries. Null until `CredentialOf` first runs. */
    credential: CarriedCredential | null;
  }
}

type Found = Credential | undefined;

/** The session or key in the `Authorization` header, or the secret of a person in the cookie. */
interface CarriedCredential {
  secret: string;
  idHash: string;
  find: 'find' | 'findPerson';
  /** The look-up in flight. */
  finding?: Promise<Found>;
}

/** Finds the credential that a request carries, with one look-up per request. Synchronous where it is cached. */
export type CredentialOf = (request: FastifyRequest) => Found | Promise<Found>;

/** @throws RelayError `FORBIDDEN`, from `CredentialOf` too, for a cookie that the dashboard did not send */
export function installCredentialOf(
  app: FastifyInstance,
  credentials: Pick<CredentialCache, 'find' | 'findPerson'>,
  cookies: Pick<PersonCookies, 'read'>,
): CredentialOf {
  app.decorateRequest('credential', null);
  const readCredential = (request: FastifyRequest): CarriedCredential | null => {
    const { authorization } = request.headers;
    const secret = authorization === undefined ? cookies.read(request) : readSessionId(authorization);
    if (secret === undefined) return null;
    const find = authorization === undefined ? 'findPerson' : 'find';
    return { secret, idHash: hexHashOfSessionId(secret), find };
  };
  return (request) => {
    request.credential ??= readCredential(request);
    if (!request.credential) return undefined;
    const { secret, idHash, find, finding } = request.credential;
    const found = finding ?? credentials[find](secret, idHash);
    if (found instanceof Promise) request.credential.finding = found;
    return found;
  };
}
