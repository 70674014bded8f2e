import type { FastifyRequest } from 'fastify';

/** What the protocol's server reads of a request whose body is parsed. */
type Read = Pick<Request, 'method' | 'url'> & { headers: Pick<Headers, 'get'> };

/**
 * A request as the protocol's server reads it. A real `Request` is made with a copy of each header, a stream of the body
 * and two signals, which takes more than the rest of the call.
 */
export function webRequestOf({ method, url, headers }: FastifyRequest): Request {
  const read: Read = {
    method,
    url: `http://localhost${url}`,
    headers: {
      get: (name) => {
        const value = headers[name.toLowerCase()];
        return Array.isArray(value) ? value.join(', ') : (value ?? null);
      },
    },
  };
  return read as object as Request;
}
