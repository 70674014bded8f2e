import type { FastifyError } from 'fastify';
import { maskedMessage } from '../api/masked.ts';
import { badRequest, ERROR_FACES, type ErrorCode, findRelayError, notFound, RelayError } from '../errors.ts';

/** The body of every REST error. */
export interface ErrorBody {
  error: string;
  code: ErrorCode;
}

/** What Fastify itself refuses, by its error code. */
const FASTIFY_REFUSALS: Record<string, (error: FastifyError) => RelayError> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
    new RelayError(
      'UNSUPPORTED_MEDIA_TYPE',
      'Send the body as JSON, with the header "content-type: application/json".',
    ),
  FST_ERR_CTP_BODY_TOO_LARGE: () =>
    new RelayError('PAYLOAD_TOO_LARGE', 'The request body is larger than this server accepts.'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    badRequest('The request body is not as long as its content-length says.'),
  FST_ERR_MAX_PARAM_LENGTH: () => notFound('A part of this address is longer than any name or id.'),
  FST_ERR_BAD_URL: () => badRequest('The path of the address is not valid percent-encoded UTF-8.'),
};

/** Any thrown thing as a failure that was meant; undefined for one that was not and must be masked. */
export function readMeant(thrown: unknown): RelayError | undefined {
  const meant = findRelayError(thrown);
  if (meant) return meant;
  if (!(thrown instanceof Error) || !('code' in thrown) || typeof thrown.code !== 'string') return undefined;
  return FASTIFY_REFUSALS[thrown.code]?.(thrown as FastifyError);
}

/** The status and body that a client gets for any thrown thing. */
export function toPublicError(thrown: unknown): {
  status: number;
  body: ErrorBody;
  retryAfter: number | undefined;
} {
  const meant = readMeant(thrown);
  const code = meant?.code ?? 'INTERNAL_SERVER_ERROR';
  return {
    status: ERROR_FACES[code].status,
    body: { error: meant?.message ?? maskedMessage, code },
    retryAfter: meant?.retryAfter,
  };
}
