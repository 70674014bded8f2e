import { z } from 'zod';

/** Maximums of the integer types that a consumer reads into. */
export const MAX_OF = { u32: 4_294_967_295, u64: 2 ** 64 } as const;

/** How a consumer reads one value of an answer. */
export type Read =
  | { type: 'u32' | 'u64'; optional?: boolean | undefined; value?: number | undefined }
  | { type: 'boolean'; optional?: boolean | undefined; value?: boolean | undefined }
  | {
      type: 'string';
      optional?: boolean | undefined;
      value?: string | undefined;
      enum?: string[] | undefined;
      pattern?: string | undefined;
    }
  | { type: 'array'; optional?: boolean | undefined; items: Read }
  | { type: 'object'; optional?: boolean | undefined; fields: Record<string, Read> };

const optional = z.boolean().optional();

const Read: z.ZodType<Read> = z.lazy(() =>
  z.discriminatedUnion('type', [
    z.strictObject({ type: z.enum(['u32', 'u64']), optional, value: z.int().min(0).optional() }),
    z.strictObject({ type: z.literal('boolean'), optional, value: z.boolean().optional() }),
    z.strictObject({
      type: z.literal('string'),
      optional,
      value: z.string().optional(),
      enum: z.array(z.string()).min(1).optional(),
      pattern: z.string().optional(),
    }),
    z.strictObject({ type: z.literal('array'), optional, items: Read }),
    z.strictObject({ type: z.literal('object'), optional, fields: z.record(z.string(), Read) }),
  ]),
);

const Step = z.strictObject({
  name: z.string().min(1),
  request: z.strictObject({
    method: z.enum(['GET', 'POST', 'DELETE']),
    /** A path of the document. `{name}` is replaced with the variable of that name, percent-encoded. */
    path: z.string().startsWith('/'),
    /** The raw query string, without the question mark. */
    query: z.string().optional(),
    headers: z.record(z.string(), z.string()),
    /** Sent as JSON. If absent, the request has no body. */
    body: z.unknown().optional(),
  }),
  answer: z.strictObject({
    status: z.int(),
    /** Maps lower-case names to the pattern that the value must match. */
    headers: z.record(z.string(), z.string()),
    body: Read,
  }),
  /** Variables for later steps, by JSON Pointer into the body of the answer. */
  capture: z.record(z.string(), z.string().startsWith('/')).optional(),
});
export type Step = z.output<typeof Step>;

/** The requests of a released program and the answers that it reads, in an order for replay. */
const Contract = z.strictObject({
  $comment: z.string(),
  consumer: z.string(),
  /** The example is the value in checks without a server. */
  variables: z.record(
    z.string(),
    z.strictObject({ description: z.string(), example: z.union([z.string(), z.number()]) }),
  ),
  steps: z.array(Step).min(1),
});
export type Contract = z.output<typeof Contract>;

export type Variables = Record<string, string | number>;

/** @throws ZodError when the file does not match the schema */
export const parseContract = (json: unknown): Contract => Contract.parse(json);

/** A request uses a variable that no step has captured. */
export class MissingVariable extends Error {
  override readonly name = 'MissingVariable';
}

function fillIn(text: string, variables: Variables, encode: (value: string) => string): string {
  return text.replace(/{(\w+)}/g, (_, name) => {
    const value = variables[name];
    if (value === undefined) throw new MissingVariable(`{${name}} was not captured by an earlier step`);
    return encode(String(value));
  });
}

const unencoded = (text: string) => text;

/** Fills in only whole strings, so that text with braces stays unchanged. */
function fillBody(body: unknown, variables: Variables): unknown {
  return JSON.parse(JSON.stringify(body), (_key, value) =>
    typeof value === 'string' && /^{\w+}$/.test(value) ? fillIn(value, variables, unencoded) : value,
  );
}

export interface FilledRequest {
  method: string;
  /** Percent-encoded. */
  path: string;
  query: string;
  headers: Record<string, string>;
  body: unknown;
}

/** Fills in the variables of a step's request. @throws MissingVariable */
export function fillRequest({ request }: Step, variables: Variables): FilledRequest {
  const { method, path, query = '', headers, body } = request;
  return {
    method,
    path: fillIn(path, variables, encodeURIComponent),
    query: fillIn(query, variables, encodeURIComponent),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [
        name.toLowerCase(),
        fillIn(value, variables, unencoded),
      ]),
    ),
    body: body === undefined ? undefined : fillBody(body, variables),
  };
}
