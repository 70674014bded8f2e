import type { FastifyInstance, FastifyRequest } from 'fastify';
import { readSessionId } from '../../access/caller.ts';
import type { Credential } from '../../access/credential.ts';
import type { CredentialCache } from '../../access/credential-cache.ts';
import { hexHashOfSessionId } from '../../access/session-id.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The credential that the request carries. Null until `CredentialOf` first runs. */
    credential: CarriedCredential | null;
  }
}

type Found = Credential | undefined;

/** The session or key in the `Authorization` header. */
interface CarriedCredential {
  secret: string;
  idHash: string;
  /** The look-up in flight. */
  finding?: Promise<Found>;
}

function readCredential(authorization: string | undefined): CarriedCredential | null {
  const secret = readSessionId(authorization);
  return secret === undefined ? null : { secret, idHash: hexHashOfSessionId(secret) };
}

/** Finds the credential that a request carries, with one look-up per request. Synchronous where it is cached. */
export type CredentialOf = (request: FastifyRequest) => Found | Promise<Found>;

export function installCredentialOf(
  app: FastifyInstance,
  credentials: Pick<CredentialCache, 'find'>,
): CredentialOf {
  app.decorateRequest('credential', null);
  return (request) => {
    request.credential ??= readCredential(request.headers.authorization);
    if (!request.credential) return undefined;
    const { secret, idHash, finding } = request.credential;
    const found = finding ?? credentials.find(secret, idHash);
    if (found instanceof Promise) request.credential.finding = found;
    return found;
  };
}
