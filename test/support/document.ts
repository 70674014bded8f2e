import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { expect } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { ERROR_FACES, type ErrorCode } from '../../src/errors.ts';
import { makeAppRouter, type RouterDeps } from '../../src/router.ts';
import { makeOpenApiDocument } from '../../src/surfaces/openapi/document.ts';
import { listRestRoutes } from '../../src/surfaces/rest/routes.ts';
import { makeVaultInputs } from '../../src/vault/inputs.ts';
import { afterEveryTest } from './after.ts';
import type { Schema } from './arbitrary.ts';

interface Ref {
  $ref: string;
}
interface Header {
  required?: boolean;
  schema: Schema;
}
interface Response {
  headers?: Record<string, Header | Ref>;
  /** Absent for an answer without a body. */
  content?: Record<string, { schema: Schema }>;
}
export interface Operation {
  operationId: string;
  parameters?: { in: 'path' | 'query' | 'header'; name: string; required?: boolean; schema: Schema }[];
  requestBody?: { content: { 'application/json': { schema: Schema } } };
  responses: Record<string, Response | Ref>;
  security: object[];
}
/** The parts of an OpenAPI document that the tests read. */
export interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: Record<string, Record<string, unknown>>;
}

const { limits } = readConfig({});
/** Only the declarations of the procedures are used. None of them is ever called. */
const router = makeAppRouter({ vaultInputs: makeVaultInputs(limits) } as RouterDeps);
const restRoutes = listRestRoutes(router);

const options = { baseUrl: '/', version: 'test', limits };

export const theDocument = makeOpenApiDocument(router, options) as unknown as Document;

/** A request and the server's answer. */
export interface Exchange {
  method: string;
  /** The raw path and query. */
  path: string;
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  text: string;
}

/** Follows a local reference. */
export function resolve<T extends object>(document: Document, thing: T | Ref): T {
  if (!('$ref' in thing)) return thing;
  const found = thing.$ref
    .slice(2)
    .split('/')
    .reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], document);
  return resolve(document, found as T | Ref);
}

/** The path of a request, which may name the whole address (RFC 9112, section 3.2.2). */
const pathnameOf = (path: string) => path.replace(/^https?:\/\/[^/?]*/, '').split('?')[0] ?? '';

/** Finds the operation that a request is for, as the server's router does: by decoded segments. */
export function findOperation(
  { paths }: Document,
  method: string,
  path: string,
): { name: string; operation: Operation } | undefined {
  let segments: string[];
  try {
    segments = decodeURI(pathnameOf(path)).split('/');
  } catch {
    return undefined;
  }
  const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
  for (const [template, operations] of Object.entries(paths)) {
    const wanted = template.split('/');
    const fits =
      wanted.length === segments.length &&
      wanted.every((part, i) => part.startsWith('{') || part === segments[i]);
    const operation = fits ? operations[verb] : undefined;
    if (operation) return { name: `${verb.toUpperCase()} ${template}`, operation };
  }
  return undefined;
}

/** On tRPC a page contains the data that REST sends in headers. Its rows are the same. */
const PAGES: Record<string, { procedure: string; field: string }> = {
  'vault.readPage': { procedure: 'vault.read', field: 'entries' },
  'vault.listPage': { procedure: 'vault.list', field: 'vaults' },
};

const IS_JSON = /^application\/json(; charset=utf-8)?$/;
const TRPC_CODES = new Set(Object.values(ERROR_FACES).map(({ trpc = 'BAD_REQUEST' }): string => trpc));

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Checks the form of an error, which is the same on every address. */
function judgeError({ status, text }: Exchange): string | undefined {
  const body = parse(text);
  if (typeof body !== 'object' || body === null) return 'the error is no JSON object';
  const { error, code, ...more } = body as { error?: unknown; code?: unknown };
  if (typeof error !== 'string' || error === '') return 'the error has no sentence';
  if (Object.keys(more).length > 0) return `the error has the field ${Object.keys(more)[0]}`;
  if (!Object.hasOwn(ERROR_FACES, String(code))) return `the error has the unknown code ${code}`;
  return ERROR_FACES[code as ErrorCode].status === status ? undefined : `the status does not fit ${code}`;
}

/** Makes the validator of values against schemas of the document. @returns the first difference, or undefined */
export function makeValueJudge(document: Document): (schema: Schema, value: unknown) => string | undefined {
  const ajv = new Ajv2020({ allErrors: true, validateFormats: true });
  ajv.addVocabulary(['components', 'example']);
  formats.default(ajv);
  const compiled = new Map<Schema, ValidateFunction>();
  return (schema, value) => {
    const { components } = document;
    const validate = compiled.get(schema) ?? ajv.compile({ ...schema, components });
    compiled.set(schema, validate);
    if (validate(value)) return undefined;
    const { instancePath, message, params } = validate.errors?.[0] ?? {};
    return `${instancePath || 'the body'} ${message} ${JSON.stringify(params)}`;
  };
}

/**
 * Makes the judge of answers. It uses only the document, not the server.
 * @returns the problem with an answer, in one line, or undefined
 */
export function makeAnswerJudge(document: Document): (exchange: Exchange) => string | undefined {
  const judgeValue = makeValueJudge(document);

  function judgeHeaders(wanted: NonNullable<Response['headers']>, { headers }: Exchange): string | undefined {
    for (const [name, entry] of Object.entries(wanted)) {
      const { required, schema } = resolve(document, entry);
      const sent = headers[name];
      if (sent === undefined && required) return `the header ${name} is missing`;
      if (sent === undefined) continue;
      const value = schema.type === 'integer' && /^\d+$/.test(String(sent)) ? Number(sent) : sent;
      const problem = judgeValue(schema, value);
      if (problem) return `the header ${name}: ${problem}`;
    }
    return undefined;
  }

  function judgeOperation({ responses }: Operation, exchange: Exchange): string | undefined {
    const entry = responses[exchange.status];
    if (!entry) return 'the document does not know this status';
    const { headers = {}, content } = resolve(document, entry);
    const problem = judgeHeaders(headers, exchange);
    if (problem) return problem;
    const { 'content-type': type } = exchange.headers;
    if (!content) return exchange.text === '' && type === undefined ? undefined : 'the answer has a body';
    const documented = content['application/json'];
    if (!documented || !IS_JSON.test(String(type))) return `the content type is ${type}`;
    if (exchange.method === 'HEAD') return exchange.text === '' ? undefined : 'an answer to HEAD has no body';
    return judgeValue(documented.schema, parse(exchange.text));
  }

  /** tRPC wraps the values that the document describes. REST combines `append` and `override` in one call. */
  function judgeTrpcResult(procedure: string, data: unknown): string | undefined {
    const page = PAGES[procedure];
    if (page) return judgeTrpcResult(page.procedure, (data as Record<string, unknown>)[page.field]);
    const name = procedure.replace(/^vault\.(append|override)$/, 'vault.write');
    const route = restRoutes.find((candidate) => candidate.name === name);
    const operation =
      route && document.paths[`/api${route.openapi.path}`]?.[route.openapi.method.toLowerCase()];
    const entry = operation?.responses[route?.status ?? 200];
    const schema = entry && resolve(document, entry).content?.['application/json']?.schema;
    return schema ? judgeValue(schema, data) : `there is no procedure ${procedure}`;
  }

  function judgeTrpc({ path, text }: Exchange): string | undefined {
    const query = path.split('?')[1] ?? '';
    const inBatch = new URLSearchParams(query).get('batch') === '1';
    const called = decodeURIComponent(pathnameOf(path).slice('/trpc/'.length));
    const names = inBatch ? called.split(',') : [called];
    for (const [i, answer] of [parse(text)].flat().entries()) {
      const { error, result } = (answer ?? {}) as {
        error?: { message: unknown; data?: { code?: string } };
        result?: { data: unknown };
      };
      if (error) {
        if (typeof error.message !== 'string' || error.message === '') return 'the error has no sentence';
        if (!TRPC_CODES.has(error.data?.code ?? ''))
          return `the error has the unknown code ${error.data?.code}`;
      } else if (!result) return 'the answer has neither an error nor a result';
      else {
        const problem = judgeTrpcResult(names[i] ?? called, result.data);
        if (problem) return problem;
      }
    }
    return undefined;
  }

  /** The document does not describe MCP, but its errors have a sentence too. */
  function judgeMcp({ status, text, headers }: Exchange): string | undefined {
    if (status < 400 || !IS_JSON.test(String(headers['content-type']))) return undefined;
    const { error } = parse(text) as { error?: { code?: unknown; message?: unknown } };
    const isComplete = typeof error?.code === 'number' && typeof error.message === 'string';
    return isComplete ? undefined : 'the error has no code or no sentence';
  }

  function judge(exchange: Exchange): string | undefined {
    const { method, path, status, headers } = exchange;
    const pathname = pathnameOf(path);
    if (pathname.startsWith('/trpc/') && method !== 'HEAD') return judgeTrpc(exchange);
    if (pathname === '/mcp') return judgeMcp(exchange);
    const found = findOperation(document, method, path);
    // Not every GET has a matching HEAD.
    if (method === 'HEAD' && status === 405) return undefined;
    if (found) return judgeOperation(found.operation, exchange);
    if (method === 'HEAD') return undefined;
    if (status >= 400 && pathname !== '/health' && IS_JSON.test(String(headers['content-type'])))
      return judgeError(exchange);
    if (!pathname.startsWith('/api/') || pathname === '/api/openapi.json') return undefined;
    return method === 'OPTIONS' && status === 204 ? undefined : 'the document has no such call';
  }

  return (exchange) => {
    const problem = judge(exchange);
    const { method, path, status, text } = exchange;
    const name = findOperation(document, method, path)?.name ?? `${method} ${path.slice(0, 100)}`;
    return problem && `${name} answered ${status}, but ${problem}: ${text.slice(0, 300)}`;
  };
}

const judge = makeAnswerJudge(theDocument);
const complaints: string[] = [];

// Complaints also fail the test here, because a test that expects failures may catch the error.
afterEveryTest(() => expect(complaints.splice(0)[0]).toBeUndefined());

/** Every test client passes every answer through this check. @throws Error unless the document allows it */
export function checkAnswer(exchange: Exchange): void {
  const complaint = judge(exchange);
  if (complaint === undefined) return;
  complaints.push(complaint);
  throw new Error(complaint);
}

/** `fetch` that checks each answer. */
export const checkedFetch: typeof fetch = async (input, init) => {
  const response = await fetch(input, init);
  const { pathname, search } = new URL(input instanceof Request ? input.url : input);
  checkAnswer({
    method: init?.method ?? 'GET',
    path: pathname + search,
    status: response.status,
    headers: Object.fromEntries(response.headers),
    text: await response.clone().text(),
  });
  return response;
};
