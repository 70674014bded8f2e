import type { FastifyRequest } from 'fastify';
import { badRequest } from '../errors.ts';
import { storableName } from '../wire.ts';

/** The id of an Astation. */
const WORK_SESSION = storableName(255);

/**
 * The work session that an operator acts in, by `?work_session=` on tRPC.
 * @returns a function that reads it, and throws RelayError `BAD_REQUEST`; undefined where the request names none
 */
export function readWorkSession(request: FastifyRequest): (() => string) | undefined {
  if (request.routeOptions.url !== '/trpc/:path') return undefined;
  const { work_session: given } = request.query as { work_session?: string | string[] };
  if (given === undefined) return undefined;
  return () => {
    if (typeof given !== 'string') {
      throw badRequest('The query parameter work_session is given more than once.');
    }
    const { success, error } = WORK_SESSION.safeParse(given);
    if (success) return given;
    throw badRequest(`The query parameter work_session ${error.issues[0]?.message}.`);
  };
}
