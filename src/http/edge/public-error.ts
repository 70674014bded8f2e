import {
  badRequest,
  ERROR_CODES,
  ERROR_FACES,
  type ErrorCode,
  type ErrorDetails,
  findRelayError,
  maskedMessage,
  RelayError,
} from '../../errors.ts';

/** The body of every REST error. */
export interface ErrorBody extends ErrorDetails {
  error: string;
  code: ErrorCode;
}

/** Refusals by Fastify and Node themselves, by error code. */
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
      badRequest('The length of the request body differs from its content-length.'),
    // The client disconnected before its body was complete. A broken database connection is a RelayError by then.
    ECONNRESET: () => badRequest('The request ended before its body was complete.'),
    FST_ERR_MAX_PARAM_LENGTH: () => badRequest('A part of the path is longer than this server accepts.'),
    FST_ERR_BAD_URL: () => badRequest('The path is not valid percent-encoded UTF-8.'),
  }),
);

/** Sentences for refusals of a framework, because its own sentences may quote the request. */
const REFUSED_STATUSES: ReadonlyMap<number, string> = new Map([
  [403, 'This path is not allowed.'],
  [404, 'There is nothing at this path.'],
  [408, 'The request took too long to arrive.'],
  [412, 'A condition of the request, such as If-Match or If-Unmodified-Since, does not hold.'],
  [415, 'The server does not accept this content type here.'],
  [416, 'The header Range names bytes outside this file.'],
]);

const codeOfStatus = (status: number): ErrorCode =>
  ERROR_CODES.find((code) => ERROR_FACES[code].status === status) ?? 'BAD_REQUEST';

/** An error of a framework or plugin that carries a 4xx status is a refusal and keeps that status. */
function readStatus(thrown: Error): RelayError | undefined {
  const { statusCode, status = statusCode } = thrown as { statusCode?: unknown; status?: unknown };
  if (typeof status !== 'number' || status < 400 || status >= 500) return undefined;
  return new RelayError(codeOfStatus(status), REFUSED_STATUSES.get(status) ?? 'The request is malformed.');
}

function readMeant(thrown: unknown): RelayError | undefined {
  const meant = findRelayError(thrown);
  if (meant) return meant;
  if (!(thrown instanceof Error)) return undefined;
  const known = 'code' in thrown && FASTIFY_REFUSALS.get(String(thrown.code));
  return known ? known() : readStatus(thrown);
}

/** Turns any thrown value into the error that a client may see. Unexpected errors are masked. */
export const toPublicError = (thrown: unknown): RelayError =>
  readMeant(thrown) ?? new RelayError('INTERNAL_SERVER_ERROR', maskedMessage, { cause: thrown });
