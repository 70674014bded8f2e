import type { ErrorCode } from '../../errors.ts';
import { EVERY_HEADER, type HEADERS, headerRefs } from './headers.ts';

type Json = Record<string, unknown>;

/** The document's description of each error, and an example of its sentence. */
const ERRORS: Record<ErrorCode, { description: string; example: string }> = {
  BAD_REQUEST: {
    description: 'The request is malformed; the sentence names the problem.',
    example: 'Field text is missing; it must be a string.',
  },
  UNAUTHORIZED: {
    description: 'The session, key, OTP or signature is not valid.',
    example: 'This session is unknown, expired, denied, revoked, or not bound to an Astation.',
  },
  FORBIDDEN: {
    description:
      'The vault belongs to another work session, the credential lacks a scope, a vault or the client id, or a page of another origin requested a change.',
    example: 'Vault v-7Kf3qDx02Z belongs to another work session.',
  },
  NOT_FOUND: {
    description: 'The vault, entry, session, room or path does not exist.',
    example: 'There is no vault v-7Kf3qDx02Z.',
  },
  METHOD_NOT_ALLOWED: {
    description: 'The path does not allow this method; `Allow` lists the methods of the path.',
    example: 'PUT is not allowed here; use GET, HEAD, POST.',
  },
  REQUEST_TIMEOUT: {
    description: 'The request took too long to arrive.',
    example: 'The request took too long to arrive.',
  },
  CONFLICT: {
    description:
      'The request conflicts with the current state; the sentence names the conflict. A text that begins with `e1.` always conflicts.',
    example: 'This session has been granted already.',
  },
  GONE: {
    description: 'The session or code has expired.',
    example: 'This session has expired; request a new one.',
  },
  PRECONDITION_FAILED: {
    description: 'A condition of the request does not hold.',
    example: 'A condition of the request, such as If-Match or If-Unmodified-Since, does not hold.',
  },
  PAYLOAD_TOO_LARGE: {
    description: 'The body, or a text in it, is over its limit.',
    example: 'Field text is 70000 bytes of UTF-8; the limit is 65536.',
  },
  ANSWER_TOO_LARGE: {
    description: 'The answer would exceed the maximum size; request pages with the parameter `limit`.',
    example:
      'The answer would have more than 67108864 bytes; request pages with the parameter limit, such as limit=1000.',
  },
  POSSIBLE_SECRET: {
    description:
      'The text or a tag looks like it holds a secret, and the server refuses such writes (`SECRET_SCAN=refuse`). Nothing was written. With `allow_secret` the write is made, unless it holds a live key or session id of this server.',
    example:
      'Line 3 looks like a secret (github-token, ghp_…), so nothing was written; take it out, or send allow_secret with the reason why it may stay.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    description: 'The body is not sent as JSON.',
    example: 'Send the body as JSON, with the header "content-type: application/json".',
  },
  RANGE_NOT_SATISFIABLE: {
    description: 'The range is outside the file.',
    example: 'The header Range names bytes outside this file.',
  },
  MISDIRECTED_REQUEST: {
    description:
      'The request names a host that is not this server; `ALLOWED_HOSTS` of the server lists its hosts.',
    example: 'This server does not answer to the name rebound.example; add it to ALLOWED_HOSTS.',
  },
  TOO_MANY_REQUESTS: {
    description: 'Over the rate limit; try again after `Retry-After` seconds.',
    example: 'Too many requests; retry after the seconds in Retry-After.',
  },
  INTERNAL_SERVER_ERROR: {
    description: 'The server failed; its log has the cause under the `x-request-id`.',
    example: 'Something went wrong on the server. Its log has the details under this x-request-id.',
  },
  HEADERS_TOO_LARGE: {
    description: 'The path and headers are too long.',
    example: 'The path and headers are too long.',
  },
  NOT_IMPLEMENTED: {
    description: 'This server does not host this feature; the sentence explains what to do.',
    example:
      'This server hosts vaults, not memory; to use memory, set ASTATION_RELAY_URL to a relay that does.',
  },
  SERVICE_UNAVAILABLE: {
    description:
      'The database is unreachable, took too long, or held a lock; or the server is under too much load. The sentence names the cause, and `Retry-After` the time of the next try. No write is half done.',
    example: 'The database cannot be reached at the moment; try again shortly.',
  },
};

/** What stands where another version was expected. */
const CURRENT: Json = {
  type: 'object',
  properties: {
    entry_no: { type: 'integer', minimum: 0, description: '0 is the summary.' },
    version: { type: 'integer', minimum: 1 },
    seq: { type: 'integer', minimum: 1 },
    writer_id: { type: 'string' },
    content: { type: 'string' },
    created_at: { type: 'string', format: 'date-time' },
  },
  required: ['entry_no', 'version', 'seq', 'writer_id', 'content', 'created_at'],
  additionalProperties: false,
};

/** What looks like a secret. */
const SECRETS: Json = {
  type: 'array',
  minItems: 1,
  maxItems: 20,
  items: {
    type: 'object',
    properties: {
      kind: { type: 'string' },
      line: { type: 'integer', minimum: 0, description: '0 is a tag.' },
      masked: { type: 'string' },
    },
    required: ['kind', 'line', 'masked'],
    additionalProperties: false,
  },
};

/** A failure as some calls answer it: with fields beside its sentence and code. */
interface DetailedError {
  /** Of its response. */
  name: string;
  fields: Json;
  description?: string;
  example?: string;
}

const DETAILED: Partial<Record<ErrorCode, DetailedError>> = {
  POSSIBLE_SECRET: { name: 'PossibleSecret', fields: { secrets: SECRETS } },
  CONFLICT: {
    name: 'VersionConflict',
    fields: { current: CURRENT },
    description:
      'The request conflicts with the current state. If you sent an expected version, `current` holds the actual one. A text that begins with `e1.` always conflicts.',
    example: 'Entry 1 of vault v-7Kf3qDx02Z is at version 3, not 2; merge with the current version.',
  },
  SERVICE_UNAVAILABLE: {
    name: 'ChangeUnavailable',
    fields: {
      outcome: {
        type: 'string',
        const: 'unknown',
        description:
          'Only on a write that was sent to the database and not confirmed. It was committed completely, or not at all. A retry with the same `Idempotency-Key` is safe.',
      },
    },
  },
};

/** A failure as one call answers it. */
export interface ErrorForm {
  code: ErrorCode;
  /** Whether it may have more fields than a sentence and a code. */
  detailed: boolean;
}

const detailsOf = ({ code, detailed }: ErrorForm): DetailedError | undefined =>
  detailed ? DETAILED[code] : undefined;

/** Headers that a failure carries beside those of every answer. */
const ERROR_HEADERS: Partial<Record<ErrorCode, (keyof typeof HEADERS)[]>> = {
  UNAUTHORIZED: ['www-authenticate'],
  TOO_MANY_REQUESTS: ['retry-after'],
  SERVICE_UNAVAILABLE: ['retry-after'],
};

/** `NOT_FOUND` → `NotFound`, the name of its response. */
export const responseName = (form: ErrorForm) =>
  detailsOf(form)?.name ??
  form.code
    .toLowerCase()
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');

export const schemaName = (form: ErrorForm) => `${responseName(form).replace(/Error$/, '')}Error`;

/** One schema for each form, so that a client can tell them apart by type. */
export function errorResponse(form: ErrorForm): Json {
  const { code } = form;
  const { description, example } = { ...ERRORS[code], ...detailsOf(form) };
  return {
    description,
    headers: { ...EVERY_HEADER, ...headerRefs(...(ERROR_HEADERS[code] ?? [])) },
    content: {
      'application/json': {
        schema: { $ref: `#/components/schemas/${schemaName(form)}` },
        example: { error: example, code },
      },
    },
  };
}

export function errorSchema(form: ErrorForm): Json {
  const { code } = form;
  return {
    type: 'object',
    description: detailsOf(form)?.description ?? ERRORS[code].description,
    properties: {
      error: { type: 'string', minLength: 1, description: 'A sentence for a person.' },
      code: { type: 'string', const: code, description: 'For a program.' },
      ...detailsOf(form)?.fields,
    },
    required: ['error', 'code'],
    additionalProperties: false,
  };
}
