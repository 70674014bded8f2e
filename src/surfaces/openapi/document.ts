import { generateOpenApiDocument, type OpenAPIObject } from 'trpc-openapi';
import type { Limits } from '../../config.ts';
import { ERROR_FACES, type ErrorCode } from '../../errors.ts';
import type { AppRouter } from '../../router.ts';
import { listRestRoutes, type RestRoute } from '../rest/routes.ts';
import { type ErrorForm, errorResponse, errorSchema, responseName, schemaName } from './errors.ts';
import { EVERY_HEADER, HEADERS, headerRefs } from './headers.ts';
import {
  clientIdParameter,
  isForAdministrators,
  isGuarded,
  isRead,
  securityOf,
  securitySchemes,
} from './security.ts';

export type OpenApiDocument = OpenAPIObject;

type Json = Record<string, unknown>;

const DESCRIPTION = `Vaults are small, durable, append-only, versioned stores of shared notes. The agents of one Astation form a *work session* and read and write its vaults.

Every vault call needs a header and a query parameter. The header \`Authorization: Bearer <session_id>\` (or \`session\` instead of \`Bearer\`) proves the work session. The query parameter \`id\` names the client; the client id is self-reported. A program may send a key (\`vr_…\`) in place of the session id. A key has scopes, and its client id is pinned: \`id\` may be left out, and another one gets 403. Operators read every vault without a session. They send \`Authorization: dashboard <token>\` with the server's \`DASHBOARD_TOKEN\` or \`ADMIN_TOKEN\`, and need no client id.

Every answer has an \`x-request-id\`. To choose it, send a well-formed one. An error is one JSON object with a sentence for a person and a \`code\` for a program.

The server also has:

- **WebSocket** at \`/ws\`: relay rooms. \`role=atem\` with \`code=<room>\` or \`session=<session_id or key>\`, and \`atem_id=<name>\`; or \`role=astation\` with \`code=<astation_id>\`. Frames are JSON text. After committed writes of entries the atems in the room of the vault's work session get \`{"type": "vault-updated", "data": {"vault_id", "seq"}}\`. This is a hint: writes within 20 ms share one, changes of a summary send none, and one may get lost. It never contains content.
- **Pages** for people: \`/auth?id=<session id>&tag=<hostname>\` grants or denies a session, \`/pair?code=<code>\` shows a pairing code, \`/docs\` shows this document.
- **Health** at \`/health\`: 200 when the database answers, else 503.
- **tRPC** at \`/trpc\`: the same calls, typed, for TypeScript.

The server hosts only vaults. Calls of newer clients for other features (memory, skills, calls, voice sessions, language models, diagrams, account encryption) get 501 and a sentence that explains what to do.`;

const TAGS = [
  { name: 'vault', description: 'Vaults and their entries.' },
  { name: 'session', description: 'Sessions for programs.' },
  { name: 'key', description: 'Keys for programs, with a pinned client id and scopes.' },
  { name: 'pairing', description: 'Relay rooms and their codes.' },
];

/** The errors of a call: those of every call, those of its kind, and those that its definition lists. */
function errorsOf(route: RestRoute): ErrorForm[] {
  const codes = new Set<ErrorCode>([
    'BAD_REQUEST',
    ...(isGuarded(route) ? (['UNAUTHORIZED', 'FORBIDDEN'] as const) : []),
    ...(route.openapi.errors ?? []),
    'REQUEST_TIMEOUT',
    ...(isRead(route) ? [] : (['FORBIDDEN', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'] as const)),
    'MISDIRECTED_REQUEST',
    'TOO_MANY_REQUESTS',
    'HEADERS_TOO_LARGE',
    'INTERNAL_SERVER_ERROR',
    'SERVICE_UNAVAILABLE',
  ]);
  const isDetailed = (code: ErrorCode) =>
    code === 'CONFLICT'
      ? route.openapi.versioned === true
      : code === 'POSSIBLE_SECRET' || (code === 'SERVICE_UNAVAILABLE' && !isRead(route));
  return [...codes]
    .sort((a, b) => ERROR_FACES[a].status - ERROR_FACES[b].status)
    .map((code) => ({ code, detailed: isDetailed(code) }));
}

/** What a successful answer carries beside its body and the headers of every answer. */
const headersOf = ({ openapi: { conditional, paged, idempotent } }: RestRoute): (keyof typeof HEADERS)[] => [
  ...(conditional ? (['etag', 'x-vault-head', 'x-vault-head-hash'] as const) : []),
  ...(paged ? (['link'] as const) : []),
  ...(idempotent ? (['idempotent-replayed'] as const) : []),
];

function correctResponses(generated: Json, route: RestRoute): Json {
  const success = generated['200'] as { description: string; content: { 'application/json': Json } };
  const content = {
    'application/json': { ...success.content['application/json'], example: route.openapi.example.answer },
  };
  const errors = errorsOf(route).map((form) => [
    String(ERROR_FACES[form.code].status),
    { $ref: `#/components/responses/${responseName(form)}` },
  ]);
  const headers = { ...EVERY_HEADER, ...headerRefs(...headersOf(route)) };
  const unchanged = {
    description: 'The answer has not changed since the one that `If-None-Match` names.',
    headers,
  };
  return {
    [route.status]: { ...success, headers, content },
    ...(route.openapi.conditional && { 304: unchanged }),
    ...Object.fromEntries(errors),
  };
}

/** Fields that are sent together or not at all, and fields that need another one, in JSON Schema. */
function requireOthers({ openapi: { together = [], needs = {} } }: RestRoute): Json {
  const needed = Object.entries(needs);
  const required = [
    ...together.map((field) => [field, together.filter((other) => other !== field)] as const),
    ...needed.map(([field, other]) => [field, [other]] as const),
  ];
  // `null` stands for a field that is left out.
  const present = needed.map(
    ([field, other]) => [field, { properties: { [other]: { not: { type: 'null' } } } }] as const,
  );
  return {
    ...(required.length > 0 && { dependentRequired: Object.fromEntries(required) }),
    ...(present.length > 0 && { dependentSchemas: Object.fromEntries(present) }),
  };
}

/** On REST the key is a header and not, as on tRPC, a field. */
function takeOutKey(schema: Json): { schema: Json; parameter: Json } {
  const { idempotency_key: key, ...properties } = schema.properties as Record<string, Json>;
  const { description, ...keySchema } = key ?? {};
  return {
    schema: { ...schema, properties },
    parameter: { name: 'Idempotency-Key', in: 'header', required: false, description, schema: keySchema },
  };
}

const IF_NONE_MATCH = {
  name: 'If-None-Match',
  in: 'header',
  required: false,
  description:
    'The `etag` of an earlier answer, or a list of them. If nothing has changed since, the answer is 304 without entries. Malformed tags are ignored.',
  // Every value that HTTP can carry.
  schema: { type: 'string', pattern: '^[\\t\\x20-\\x7e\\x80-\\xff]*$' },
};

function correctOperation(generated: Json, route: RestRoute, limits: Limits): Json {
  const operation: Json = {
    ...generated,
    security: securityOf(route),
    responses: correctResponses(generated.responses as Json, route),
    parameters: [
      ...(generated.parameters as unknown[]),
      ...(isGuarded(route) && !isForAdministrators(route) ? [clientIdParameter(route, limits)] : []),
      ...(route.openapi.conditional ? [IF_NONE_MATCH] : []),
    ],
  };
  const body = generated.requestBody as
    | { content: { 'application/json': Json }; required?: boolean }
    | undefined;
  if (body) {
    const generatedSchema = body.content['application/json'].schema as Json;
    // Every input is strict; the generator forgets it where fields are checked against each other.
    let schema: Json = { ...generatedSchema, additionalProperties: false, ...requireOthers(route) };
    if (route.openapi.idempotent) {
      const taken = takeOutKey(schema);
      schema = taken.schema;
      operation.parameters = [...(operation.parameters as unknown[]), taken.parameter];
    }
    const required = 'required' in schema;
    const content = { ...body.content['application/json'], schema, example: route.openapi.example.request };
    operation.requestBody = { ...body, required, content: { 'application/json': content } };
  }
  if ((operation.parameters as unknown[]).length === 0) delete operation.parameters;
  return operation;
}

export interface DocumentOptions {
  /** Where people reach the server, without a slash at its end. */
  baseUrl: string;
  version: string;
  limits: Limits;
}

/**
 * The OpenAPI 3.1 document of the REST surface, generated from the procedures. What the generator gets wrong or
 * cannot know is corrected here and nowhere else: session *and* client id as one requirement, the errors with our
 * shape, headers, examples, status codes, and the prefix `/api`.
 */
export function makeOpenApiDocument(
  router: AppRouter,
  { baseUrl, version, limits }: DocumentOptions,
): OpenApiDocument {
  const generated = generateOpenApiDocument(router, {
    title: 'vault-relay',
    description: DESCRIPTION,
    version,
    baseUrl,
    securitySchemes: securitySchemes(limits),
    license: { name: 'MIT', identifier: 'MIT' },
  }) as unknown as Json & { components: { schemas: Json }; paths: Record<string, Record<string, Json>> };

  const routes = listRestRoutes(router);
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const method = route.openapi.method.toLowerCase();
    const operation = generated.paths[route.openapi.path]?.[method];
    if (!operation) throw new Error(`The generator left out ${route.name}`);
    const path = `/api${route.openapi.path}`;
    paths[path] = { ...paths[path], [method]: correctOperation(operation, route, limits) };
  }
  const used = routes.flatMap(errorsOf);
  const schemas = Object.entries(generated.components.schemas).filter(([name]) => !name.startsWith('error.'));
  return {
    ...generated,
    tags: TAGS,
    paths,
    components: {
      schemas: {
        ...Object.fromEntries(schemas),
        ...Object.fromEntries(used.map((form) => [schemaName(form), errorSchema(form)])),
      },
      responses: Object.fromEntries(used.map((form) => [responseName(form), errorResponse(form)])),
      headers: HEADERS,
      securitySchemes: securitySchemes(limits),
    },
  } as unknown as OpenApiDocument;
}
