import { z } from 'zod';

export type JsonSchema = { type: 'object'; [keyword: string]: unknown };

/** Keywords that cost a model more than they tell it. The server checks what they say. */
const LEFT_OUT =
  '$schema $defs pattern minLength maxLength minItems maxItems uniqueItems minimum exclusiveMaximum example';

/** Further ones of answers, which the description of the tool explains. Later versions may add fields. */
const LEFT_OUT_OF_ANSWERS = `${LEFT_OUT} description additionalProperties format maximum enum const`;

/** Larger bounds are those of a type. */
const LARGEST_BOUND = 1_000_000;

type Json = Record<string, unknown>;

interface Shortening {
  leftOut: ReadonlySet<string>;
  /** What references lead to. */
  defs: Json;
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;

const isNull = (schema: unknown) => isObject(schema) && schema.type === 'null';

/** `anyOf` a schema with one type and null, as one schema with two types, which all clients read. */
function mergeNull({ anyOf, ...schema }: Json): Json {
  if (!Array.isArray(anyOf)) return schema;
  const [given, none] = anyOf as [Json, Json];
  const isOptional = anyOf.length === 2 && isNull(none) && typeof given.type === 'string';
  return isOptional ? { ...schema, ...given, type: [given.type, 'null'] } : { ...schema, anyOf };
}

function shorten(schema: unknown, how: Shortening): unknown {
  if (Array.isArray(schema)) return schema.map((part) => shorten(part, how));
  if (!isObject(schema)) return schema;
  // Not all clients follow references.
  if (typeof schema.$ref === 'string') return shorten(how.defs[schema.$ref.replace('#/$defs/', '')], how);
  const kept = Object.entries(schema).filter(
    ([keyword, value]) =>
      !how.leftOut.has(keyword) && !(keyword === 'maximum' && Number(value) > LARGEST_BOUND),
  );
  return mergeNull(
    Object.fromEntries(
      kept.map(([keyword, value]) => [
        keyword,
        // In a map of names no name is a keyword.
        keyword === 'properties'
          ? mapValues(value as Json, (field) => shorten(field, how))
          : shorten(value, how),
      ]),
    ),
  );
}

const mapValues = (fields: Json, change: (value: unknown, name: string) => unknown): Json =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, change(value, name)]));

function shown(schema: z.ZodType, io: 'input' | 'output', leftOut: string): JsonSchema {
  const json = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json;
  const how = { leftOut: new Set(leftOut.split(' ')), defs: (json.$defs ?? {}) as Json };
  return shorten(json, how) as JsonSchema;
}

/**
 * The schema of a tool's arguments, as a list of tools shows it: short, and without references.
 * @param descriptions of arguments, by name, instead of those of the schema
 */
export function schemaOfInput(schema: z.ZodType, descriptions: Readonly<Record<string, string>>): JsonSchema {
  const json = shown(schema, 'input', LEFT_OUT);
  const properties = mapValues((json.properties ?? {}) as Json, (field, name) => {
    const description = descriptions[name];
    return description === undefined ? field : { ...(field as Json), description };
  });
  return { ...json, properties };
}

/** The schema of a tool's structured answer, in the same form. */
export const schemaOfOutput = (schema: z.ZodType): JsonSchema => shown(schema, 'output', LEFT_OUT_OF_ANSWERS);
