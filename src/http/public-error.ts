import { maskedMessage } from '../api/masked.ts';

import { badRequest, type ErrorCode, type ErrorDetails, findRelayError, RelayError } from '../errors.ts';

/** The body of every REST error. */
export interface ErrorBody extends ErrorDetails {
  error: string;
  code: ErrorCode;
}

/** What Fastify and Node themselves refuse, by the code of the error. */
const FASTIFY_REFUSALS: ReadonlyMap<string, () => RelayError> = new Map(
  Object.entries({
    FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
      new RelayError(
        'UNSUPPORTED_MEDIA_TYPE',
        'Send the body as JSON, with the header "content-type: application/json".',
      ),
    FST_ERR_CTP_BODY_TOO_LARGE: () =>
      new RelayError('PAYLOAD_TOO_LARGE', 'The request body is larger than this server accepts.'),
    FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
      badRequest('The request body is not as long as its content-length says.'),
    // The client left in the middle of its body. A connection to the database that breaks is a failure of ours by then.
    ECONNRESET: () => badRequest('The request ended before its body did.'),
    FST_ERR_MAX_PARAM_LENGTH: () => badRequest('A part of the path is longer than this server accepts.'),
    FST_ERR_BAD_URL: () => badRequest('The path of the address is not valid percent-encoded UTF-8.'),
  }),
);

function readMeant(thrown: unknown): RelayError | undefined {
  const meant = findRelayError(thrown);
  if (meant) return meant;
  if (!(thrown instanceof Error) || !('code' in thrown) || typeof thrown.code !== 'string') return undefined;
  return FASTIFY_REFUSALS.get(thrown.code)?.();
}

/** Any thrown thing as a client may see it: as it is if it was meant, else masked. */
export const toPublicError = (thrown: unknown): RelayError =>
  readMeant(thrown) ?? new RelayError('INTERNAL_SERVER_ERROR', maskedMessage, { cause: thrown });
