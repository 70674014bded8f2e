import type { FastifyReply, FastifyRequest } from 'fastify';
import { PERSON_PREFIX } from '../../access/credential.ts';
import type { Config } from '../../config.ts';
import { forbidden } from '../../errors.ts';
import type { OwnNames } from '../../net/own-names.ts';

/** As long as a person stays signed in without use. */
const MAX_AGE_SECONDS = 30 * 86_400;

const SECRET = new RegExp(`^${PERSON_PREFIX}[\\w-]{43}$`);

/** The only route that a cookie opens. */
const ROUTE = '/trpc/:path';

/** The cookie of signed-in people. */
export interface PersonCookies {
  /**
   * @returns the secret in the cookie; undefined where the request carries none, has an `Authorization`, or is not for tRPC
   * @throws RelayError `FORBIDDEN` where the request carries one, but the dashboard did not send it
   */
  read(request: FastifyRequest): string | undefined;
  /** @throws RelayError `FORBIDDEN` unless the server's own dashboard sent the request */
  checkPage(request: FastifyRequest): void;
  /** Sends the cookie; null deletes it. */
  send(reply: FastifyReply, secret: string | null): void;
}

/** The value of a cookie. A name that is given twice counts as missing: another page of this host may have set one. */
function findCookie(cookies: string | undefined, name: string): string | undefined {
  if (!cookies?.includes(name)) return undefined;
  const values = cookies.split(';').flatMap((pair) => {
    const [key, ...value] = pair.split('=');
    return key?.trim() === name ? [value.join('=').trim()] : [];
  });
  return values.length === 1 ? values[0] : undefined;
}

/**
 * A browser sends a cookie whichever page caused the request, so the request must prove that the dashboard sent it: by a
 * header that a page of another origin cannot send, and by its origin.
 */
export function makePersonCookies(
  { publicBaseUrl }: Pick<Config, 'publicBaseUrl'>,
  names: Pick<OwnNames, 'isOwnPage'>,
): PersonCookies {
  const isPublicHttps = publicBaseUrl?.startsWith('https:') ?? false;
  const isHttps = ({ protocol }: FastifyRequest) => isPublicHttps || protocol === 'https';
  /** With the prefix, a browser accepts the cookie from this host and by HTTPS only. */
  const nameFor = (request: FastifyRequest) => (isHttps(request) ? '__Host-vault_relay' : 'vault_relay');

  const checkPage = (request: FastifyRequest): void => {
    const { headers, host } = request;
    if (headers['x-vault-relay-client'] !== 'dashboard') {
      throw forbidden('A cookie counts only with the header "x-vault-relay-client: dashboard".');
    }
    const { origin, 'sec-fetch-site': site } = headers;
    if (origin !== undefined && !names.isOwnPage(origin, host, isHttps(request))) {
      throw forbidden(
        "Only the server's own pages may use the cookie; set PUBLIC_BASE_URL to the origin of the dashboard.",
      );
    }
    if (site !== undefined && site !== 'same-origin') {
      throw forbidden(
        "Only the server's own pages may use the cookie; this request came from another origin.",
      );
    }
  };

  return {
    checkPage,
    read: (request) => {
      const { headers, routeOptions } = request;
      if (headers.cookie === undefined || headers.authorization !== undefined) return undefined;
      if (routeOptions.url !== ROUTE) return undefined;
      const secret = findCookie(headers.cookie, nameFor(request));
      if (secret === undefined || !SECRET.test(secret)) return undefined;
      checkPage(request);
      return secret;
    },
    send: (reply, secret) => {
      const age = secret === null ? 0 : MAX_AGE_SECONDS;
      const fields = [`${nameFor(reply.request)}=${secret ?? ''}`, 'Path=/', `Max-Age=${age}`, 'HttpOnly'];
      const secure = isHttps(reply.request) ? ['Secure'] : [];
      // Fastify adds to this header instead of replacing it.
      reply.removeHeader('set-cookie');
      reply.header('set-cookie', [...fields, 'SameSite=Strict', ...secure].join('; '));
    },
  };
}
