import { z } from 'zod';

/** Widths of the integers that a consumer reads into, by the name of its type. */
export const MAX_OF = { u32: 4_294_967_295, u64: 2 ** 64 } as const;

/** What a consumer does with one value of an answer. */
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
    /** A path of the document; `{name}` is the variable of that name, percent-encoded. */
    path: z.string().startsWith('/'),
    /** As it goes over the wire, without the question mark. */
    query: z.string().optional(),
    headers: z.record(z.string(), z.string()),
    /** Sent as JSON. Absent: no body at all. */
    body: z.unknown().optional(),
  }),
  answer: z.strictObject({
    status: z.int(),
    /** By lower-case name, the pattern that its value must match. */
    headers: z.record(z.string(), z.string()),
    body: Read,
  }),
  /** Variables for later steps, by JSON Pointer into the body of the answer. */
  capture: z.record(z.string(), z.string().startsWith('/')).optional(),
});
export type Step = z.output<typeof Step>;

/** What a released program sends and reads, in an order in which it can be replayed. */
const Contract = z.strictObject({
  $comment: z.string(),
  consumer: z.string(),
  /** An example stands for the value where there is no server to get it from. */
  variables: z.record(
    z.string(),
    z.strictObject({ description: z.string(), example: z.union([z.string(), z.number()]) }),
  ),
  steps: z.array(Step).min(1),
});
export type Contract = z.output<typeof Contract>;

export type Variables = Record<string, string | number>;

/** @throws ZodError when the file does not have the form that is described here */
export const parseContract = (json: unknown): Contract => Contract.parse(json);

/** A variable that no step has captured. */
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

const asItIs = (text: string) => text;

/** Variables in a body are whole strings, so that text with braces stays text. */
function fillBody(body: unknown, variables: Variables): unknown {
  return JSON.parse(JSON.stringify(body), (_key, value) =>
    typeof value === 'string' && /^{\w+}$/.test(value) ? fillIn(value, variables, asItIs) : value,
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

/** The request of a step, as it goes over the wire. @throws MissingVariable */
export function fillRequest({ request }: Step, variables: Variables): FilledRequest {
  const { method, path, query = '', headers, body } = request;
  return {
    method,
    path: fillIn(path, variables, encodeURIComponent),
    query: fillIn(query, variables, encodeURIComponent),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), fillIn(value, variables, asItIs)]),
    ),
    body: body === undefined ? undefined : fillBody(body, variables),
  };
}
