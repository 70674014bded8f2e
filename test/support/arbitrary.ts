import fc from 'fast-check';

/** The part of JSON Schema that the document uses. */
export interface Schema {
  $ref?: string;
  type?: 'object' | 'array' | 'string' | 'integer' | 'boolean' | 'null';
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  dependentRequired?: Record<string, string[]>;
  additionalProperties?: boolean;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMaximum?: number;
}

/** Existing values of a field, by its name. */
export type Known = Record<string, fc.Arbitrary<unknown>>;

export const NO_NUL = '^[^\\u0000]*$';

const character = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...'aZ09-_ .%/?&=+#"\\\'<é团🦀\r\n\t\u007f\ufeff\u202e') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }) },
);

/** A text with a number of code points in the allowed range, of one to four bytes each: mostly short, sometimes of maximum length. */
function text({ minLength = 0, maxLength = 1000 }: Schema, refused: string): fc.Arbitrary<string> {
  const unit = refused === '' ? character : character.filter((one) => !refused.includes(one));
  const short = fc.string({ unit, minLength, maxLength: Math.min(maxLength, minLength + 40) });
  const full = fc.constantFrom('a', '~', 'é', '团', '🦀').map((one) => one.repeat(maxLength));
  return maxLength > 4096
    ? short
    : fc.oneof({ weight: 30, arbitrary: short }, { weight: 1, arbitrary: full });
}

function makeString(schema: Schema): fc.Arbitrary<string> {
  if (schema.pattern === undefined) return text(schema, '');
  if (schema.pattern === NO_NUL) return text(schema, '\0');
  return fc.stringMatching(new RegExp(schema.pattern, 'u'));
}

/** Caches text arbitraries by schema, because making one is slow and most fields share a few schemas. */
const strings = new Map<string, fc.Arbitrary<string>>();

function string(schema: Schema): fc.Arbitrary<string> {
  const { pattern, minLength, maxLength } = schema;
  const key = JSON.stringify([pattern, minLength, maxLength]);
  const made = strings.get(key) ?? makeString(schema);
  strings.set(key, made);
  return made;
}

const integer = ({ minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: Schema): fc.Arbitrary<number> =>
  fc.oneof(
    fc.integer({ min: minimum, max: Math.min(maximum, minimum + 5) }),
    fc.maxSafeInteger().map((n) => minimum + (Math.abs(n) % (maximum - minimum + 1))),
    fc.constant(maximum),
  );

/** Removes fields whose required companions are missing or null. */
function keepTogether(value: Record<string, unknown>, companions: Record<string, string[]>): object {
  const lonely = Object.entries(companions).filter(([, all]) => !all.every((name) => value[name] != null));
  const gone = new Set(lonely.map(([name]) => name));
  return Object.fromEntries(Object.entries(value).filter(([name]) => !gone.has(name)));
}

/**
 * Makes values that a schema allows.
 * @throws Error for a kind of schema that is not supported yet
 */
export function arbitraryOf(schema: Schema, known: Known = {}): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map((one) => arbitraryOf(one, known)));
  switch (schema.type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return integer(schema);
    case 'string':
      return string(schema);
    case 'array':
      return (schema.uniqueItems ? fc.uniqueArray : fc.array)(arbitraryOf(schema.items ?? {}, known), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(5, schema.maxItems ?? 5),
      });
    case 'object': {
      const { properties = {}, required = [], dependentRequired = {} } = schema;
      const fields = Object.entries(properties).map(([name, field]) => [name, fieldOf(name, field, known)]);
      return fc
        .record(Object.fromEntries(fields) as Record<string, fc.Arbitrary<unknown>>, {
          requiredKeys: required,
        })
        .map((value) => keepTogether(value as Record<string, unknown>, dependentRequired));
    }
    default:
      throw new Error(`Teach test/support/arbitrary.ts this schema: ${JSON.stringify(schema)}`);
  }
}

/** A field or parameter. Existing values are more frequent than other allowed ones. */
export function fieldOf(name: string, schema: Schema, known: Known): fc.Arbitrary<unknown> {
  const any = arbitraryOf(schema, known);
  const existing = known[name];
  return existing ? fc.oneof({ weight: 3, arbitrary: existing }, { weight: 1, arbitrary: any }) : any;
}
