import { TRPCError } from '@trpc/server';
import { getHTTPStatusCodeFromError } from '@trpc/server/http';
import { describe, expect, test } from 'vitest';
import {
  badRequest,
  conflict,
  databaseUnavailable,
  ERROR_CODES,
  ERROR_FACES,
  findRelayError,
  forbidden,
  gone,
  maskedMessage,
  notFound,
  RelayError,
  tooLarge,
  tooManyRequests,
  toTRPCError,
  unauthorized,
  writeOutcomeUnknown,
} from '../../src/errors.ts';
import { toPublicError } from '../../src/http/edge/public-error.ts';

describe('the faces of a code', () => {
  test('are the ones of the contract', () => {
    expect(Object.fromEntries(ERROR_CODES.map((code) => [code, ERROR_FACES[code].status]))).toEqual({
      BAD_REQUEST: 400,
      UNAUTHORIZED: 401,
      FORBIDDEN: 403,
      NOT_FOUND: 404,
      METHOD_NOT_ALLOWED: 405,
      REQUEST_TIMEOUT: 408,
      CONFLICT: 409,
      GONE: 410,
      PRECONDITION_FAILED: 412,
      PAYLOAD_TOO_LARGE: 413,
      ANSWER_TOO_LARGE: 422,
      POSSIBLE_SECRET: 422,
      UNSUPPORTED_MEDIA_TYPE: 415,
      RANGE_NOT_SATISFIABLE: 416,
      MISDIRECTED_REQUEST: 421,
      TOO_MANY_REQUESTS: 429,
      HEADERS_TOO_LARGE: 431,
      NOT_IMPLEMENTED: 501,
      SERVICE_UNAVAILABLE: 503,
      INTERNAL_SERVER_ERROR: 500,
    });
  });

  test('are distinct on each surface, so that a client can distinguish them', () => {
    const faces = Object.values(ERROR_FACES);
    // 422 is ANSWER_TOO_LARGE of a read and POSSIBLE_SECRET of a write. No call answers both.
    const statuses = ERROR_CODES.filter((code) => code !== 'POSSIBLE_SECRET').map(
      (code) => ERROR_FACES[code].status,
    );
    expect(new Set(statuses).size).toBe(faces.length - 1);
    const named = faces.flatMap(({ trpc = [] }) => trpc);
    expect(new Set(named).size).toBe(named.length);
  });

  // tRPC has no code of its own for 410; the nearest is 412.
  const shared = ERROR_CODES.filter((code) => code !== 'GONE' && ERROR_FACES[code].trpc !== undefined);
  test.each(shared)('have one status on both surfaces: %s', (code) => {
    const error = toTRPCError(new RelayError(code, 'Why.'));
    expect(getHTTPStatusCodeFromError(error)).toBe(ERROR_FACES[code].status);
  });
});

test.each([
  [badRequest('Why.'), 'BAD_REQUEST'],
  [unauthorized('Why.'), 'UNAUTHORIZED'],
  [forbidden('Why.'), 'FORBIDDEN'],
  [notFound('Why.'), 'NOT_FOUND'],
  [conflict('Why.'), 'CONFLICT'],
  [gone('Why.'), 'GONE'],
  [tooLarge('Why.'), 'PAYLOAD_TOO_LARGE'],
  [tooManyRequests('Why.', 7), 'TOO_MANY_REQUESTS'],
])('%s has the code %s', (error, code) => {
  expect(error).toBeInstanceOf(RelayError);
  expect(error).toMatchObject({ code, message: 'Why.', name: 'RelayError' });
});

test('only temporary errors carry Retry-After', () => {
  expect(tooManyRequests('Why.', 7).retryAfter).toBe(7);
  expect(databaseUnavailable(new Error('refused')).retryAfter).toBe(1);
  expect(notFound('Why.').retryAfter).toBeUndefined();
});

test('only an unconfirmed write reports an unknown outcome', () => {
  expect(writeOutcomeUnknown(new Error('lost'))).toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    retryAfter: 1,
    details: { outcome: 'unknown' },
  });
  expect(databaseUnavailable(new Error('refused')).details).toEqual({});
});

describe('the deliberate failure inside a thrown error', () => {
  const meant = notFound('Why.');

  test.each<[string, unknown, RelayError | undefined]>([
    ['itself', meant, meant],
    ['wrapped by tRPC', toTRPCError(meant), meant],
    ['wrapped twice', new TRPCError({ code: 'BAD_REQUEST', cause: toTRPCError(meant) }), meant],
    ['no error', 'Why.', undefined],
    ['nothing', undefined, undefined],
    ['another error', new Error('Why.'), undefined],
    ['too deep', [1, 2, 3, 4, 5].reduce((cause: Error) => new Error('x', { cause }), meant), undefined],
  ])('is found: %s', (_, thrown, found) => {
    expect(findRelayError(thrown)).toBe(found);
  });

  test('is found in a circular chain of causes', () => {
    const error = new Error('round');
    error.cause = error;
    expect(findRelayError(error)).toBeUndefined();
  });
});

describe('the error that a client sees', () => {
  test('is the deliberate one', () => {
    expect(toPublicError(toTRPCError(conflict('Why.')))).toMatchObject({ code: 'CONFLICT', message: 'Why.' });
  });

  test.each([
    ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 'UNSUPPORTED_MEDIA_TYPE'],
    ['FST_ERR_CTP_BODY_TOO_LARGE', 'PAYLOAD_TOO_LARGE'],
    ['FST_ERR_CTP_INVALID_CONTENT_LENGTH', 'BAD_REQUEST'],
    ['FST_ERR_MAX_PARAM_LENGTH', 'BAD_REQUEST'],
    ['FST_ERR_BAD_URL', 'BAD_REQUEST'],
  ])('is our own sentence for a refusal of Fastify: %s', (fastifyCode, code) => {
    const error = Object.assign(new Error('of Fastify'), { code: fastifyCode });
    expect(toPublicError(error)).toMatchObject({ code, message: expect.stringMatching(/^[A-Z].*\.$/) });
    expect(toPublicError(error).message).not.toContain('of Fastify');
  });

  test.each([
    ['an error', new Error('password of the database')],
    ['an error with a code', Object.assign(new Error('secret'), { code: '42P01' })],
    ['an error whose code is a method of Object', Object.assign(new Error('secret'), { code: 'toString' })],
    ['an error with a status of a failure', Object.assign(new Error('secret'), { statusCode: 503 })],
    ['a text', 'secret'],
    ['nothing', undefined],
  ])('is masked for an unexpected failure: %s', (_, thrown) => {
    const { code, message } = toPublicError(thrown);
    expect({ code, message }).toEqual({ code: 'INTERNAL_SERVER_ERROR', message: maskedMessage });
  });

  test.each([
    [400, 'BAD_REQUEST'],
    [403, 'FORBIDDEN'],
    [412, 'PRECONDITION_FAILED'],
    [416, 'RANGE_NOT_SATISFIABLE'],
    [418, 'BAD_REQUEST'],
  ])('C3 keeps the status that a framework gave, and none of its words: %i', (status, code) => {
    for (const property of ['status', 'statusCode']) {
      const public_ = toPublicError(Object.assign(new Error('secret'), { [property]: status }));
      expect(public_).toMatchObject({ code, message: expect.stringMatching(/^[A-Z].*\.$/) });
      expect(public_.message).not.toContain('secret');
    }
  });
});
