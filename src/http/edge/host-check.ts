import type { FastifyInstance, FastifyRequest } from 'fastify';
import { badRequest, forbidden, RelayError, showName } from '../../errors.ts';
import { readHost } from '../../net/host.ts';
import type { OwnNames } from '../../net/own-names.ts';

type CheckedNames = Pick<OwnNames, 'isOwn' | 'mayCall'>;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether a route answers to any host, because probes and scrapers address servers by IP. */
    anyHost?: boolean;
  }
}

/** Counts the `Host` headers of a request, because Node keeps only the first one. */
function countHosts({ rawHeaders }: FastifyRequest['raw']): number {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts;
}

/** The host in the request line, which overrides the header (RFC 9112, section 3.2.2). */
const hostOfTarget = (url: string): string | undefined => /^https?:\/\/([^/?#]*)/i.exec(url)?.[1];

/** @throws RelayError `BAD_REQUEST`, `MISDIRECTED_REQUEST` */
function checkHost(request: FastifyRequest, names: CheckedNames): void {
  const { raw, headers, host, url } = request;
  if (headers.host === undefined && raw.httpVersion === '1.0') return;
  if (headers.host === undefined || headers.host === '') {
    throw badRequest('The header Host is missing or empty; send the name of this server.');
  }
  if (countHosts(raw) > 1) throw badRequest('The header Host is given more than once.');
  for (const asked of [host, hostOfTarget(url) ?? host]) {
    if (names.isOwn(asked)) continue;
    if (readHost(asked) === undefined) throw badRequest('The header Host is not a host name.');
    if (request.routeOptions.config.anyHost) continue;
    throw new RelayError(
      'MISDIRECTED_REQUEST',
      `This server does not answer to the name ${showName(asked)}; add it to ALLOWED_HOSTS.`,
    );
  }
}

/** Methods that change nothing. A page of another origin cannot read their answers, so they are harmless. */
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Accepts `Sec-Fetch-Site: same-origin`, because a proxy may have changed the host. @throws RelayError `FORBIDDEN` */
function checkOrigin({ method, headers, host }: FastifyRequest, names: CheckedNames): void {
  const { origin } = headers;
  if (origin === undefined || SAFE_METHODS.has(method)) return;
  if (headers['sec-fetch-site'] === 'same-origin' || names.mayCall(origin, host)) return;
  throw forbidden(
    "Pages of this origin may not call this server; set PUBLIC_BASE_URL to it if it is the server's own, or add it to CORS_ORIGIN.",
  );
}

/**
 * Refuses requests that a hostile page may have caused: those for a foreign host name that was rebound to this server's
 * address, and changes requested by pages of other origins. Programs send no `Origin`.
 */
export function installHostCheck(app: FastifyInstance, names: CheckedNames): void {
  app.addHook('onRequest', (request, _reply, done) => {
    try {
      checkHost(request, names);
      checkOrigin(request, names);
    } catch (error) {
      return done(error as Error);
    }
    done();
  });
}
