export const HEADERS = {
  'x-request-id': {
    description:
      "Identifies this request in the server's log. It is the caller's own id, if that was well-formed.",
    required: true,
    schema: { type: 'string', minLength: 1 },
  },
  'retry-after': {
    description: 'Whole seconds until the next try.',
    required: true,
    schema: { type: 'integer', minimum: 0 },
  },
  'www-authenticate': {
    description: 'The authentication scheme for the session.',
    required: true,
    schema: { type: 'string', const: 'Bearer' },
  },
  etag: {
    description:
      'Identifies the rows of the answer. Sent as `If-None-Match`, it avoids an unchanged answer. It is weak because it identifies the rows, not the bytes.',
    required: true,
    schema: { type: 'string', pattern: '^W/"[0-9]+"$' },
  },
  'x-vault-head': {
    description:
      'The `seq` of the last row of the vault in this view: the next `since`, once all pages are read.',
    required: true,
    schema: { type: 'integer', minimum: 0 },
  },
  'x-vault-head-hash': {
    description: 'The hash of that row, which also covers all rows before it.',
    required: true,
    schema: { type: 'string', pattern: '^[0-9a-f]{64}$' },
  },
  link: {
    description: 'The next page, if there is one: `<address>; rel="next"`, relative to this server.',
    schema: { type: 'string' },
  },
  'idempotent-replayed': {
    description:
      'The answer is that of an earlier request with the same `Idempotency-Key`; this request wrote nothing.',
    schema: { type: 'string', const: 'true' },
  },
  'ratelimit-limit': { description: 'Requests a minute.', schema: { type: 'integer', minimum: 1 } },
  'ratelimit-remaining': { description: 'Requests left.', schema: { type: 'integer', minimum: 0 } },
  'ratelimit-reset': {
    description: 'Seconds until the count restarts.',
    schema: { type: 'integer', minimum: 0 },
  },
} as const;

export const headerRefs = (...names: (keyof typeof HEADERS)[]) =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

export const EVERY_HEADER = headerRefs(
  'x-request-id',
  'ratelimit-limit',
  'ratelimit-remaining',
  'ratelimit-reset',
);
