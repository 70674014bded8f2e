import { isDeepStrictEqual } from 'node:util';
import { type Document, isObject, type Json, resolve } from './document.ts';

/** A value that the inner schema allows and the outer one does not. */
export interface Gap {
  /** Path of the field, such as `items[].seq`; empty for the whole value. */
  field: string;
  keyword: string;
  inner: unknown;
  outer: unknown;
}

export interface Side {
  document: Document;
  schema: unknown;
}

export interface Pair {
  outer: Side;
  inner: Side;
  field: string;
  /** Readers ignore unknown fields, so an extra field is a gap only in a server's input. */
  ignoresExtraFields: boolean;
}

const LOWER = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'];
const UPPER = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties'];
const EXACT = ['pattern', 'format', 'multipleOf', 'uniqueItems', 'not', 'contains', 'propertyNames'];

/** Follows references, and merges `allOf` into one schema. */
function flatten({ document, schema }: Side): Json | boolean {
  if (typeof schema === 'boolean') return schema;
  const { allOf, ...own } = resolve(document, schema);
  if (!Array.isArray(allOf)) return own;
  const whole: Json = {};
  const properties: Json = {};
  const required: unknown[] = [];
  for (const part of [...allOf.map((one) => flatten({ document, schema: one })), own].filter(isObject)) {
    Object.assign(whole, part);
    Object.assign(properties, part.properties);
    required.push(...((part.required as unknown[] | undefined) ?? []));
  }
  return { ...whole, properties, required };
}

/** The schemas of `anyOf` or `oneOf`; undefined for a schema without either. */
function alternativesOf(schema: Json): Json[] | undefined {
  const { anyOf, oneOf, ...beside } = schema;
  const list = (anyOf ?? oneOf) as unknown[] | undefined;
  return list?.map((one) => (isObject(one) ? { ...beside, ...one } : {}));
}

const valuesOf = (schema: Json): unknown[] | undefined =>
  'const' in schema ? [schema.const] : (schema.enum as unknown[] | undefined);

function typesOf(schema: Json): string[] | undefined {
  if (schema.type !== undefined) return [schema.type].flat() as string[];
  return valuesOf(schema)?.map((value) => (value === null ? 'null' : typeof value));
}

function typeGaps(outer: Json, inner: Json, field: string): Gap[] {
  const allowed = typesOf(outer);
  if (!allowed) return [];
  const given = typesOf(inner);
  const isAllowed = (type: string) =>
    allowed.includes(type) || (type === 'integer' && allowed.includes('number'));
  if (given?.every(isAllowed)) return [];
  return [{ field, keyword: 'type', inner: inner.type, outer: outer.type }];
}

function valueGaps(outer: Json, inner: Json, field: string): Gap[] {
  const allowed = valuesOf(outer);
  if (!allowed) return [];
  const given = valuesOf(inner);
  if (given?.every((value) => allowed.some((one) => isDeepStrictEqual(one, value)))) return [];
  return [{ field, keyword: 'enum', inner: given, outer: allowed }];
}

function boundGaps(outer: Json, inner: Json, field: string): Gap[] {
  const number = (value: unknown) => (typeof value === 'number' ? value : undefined);
  const differing = [
    ...LOWER.filter((key) => {
      const least = key.startsWith('min') && key !== 'minimum' ? 0 : Number.NEGATIVE_INFINITY;
      return (number(outer[key]) ?? least) > (number(inner[key]) ?? least);
    }),
    ...UPPER.filter((key) => {
      const most = Number.POSITIVE_INFINITY;
      return (number(outer[key]) ?? most) < (number(inner[key]) ?? most);
    }),
    ...EXACT.filter((key) => outer[key] !== undefined && !isDeepStrictEqual(outer[key], inner[key])),
  ];
  return differing.map((keyword) => ({ field, keyword, inner: inner[keyword], outer: outer[keyword] }));
}

/** Ignores `dependentRequired` of fields that the inner schema does not have. */
function companionGaps(outer: Json, inner: Json, field: string): Gap[] {
  const known = (inner.properties ?? {}) as Json;
  const wanted = Object.entries((outer.dependentRequired ?? {}) as Json);
  const relevant = Object.fromEntries(wanted.filter(([name]) => Object.hasOwn(known, name)));
  const all = Object.entries((inner.dependentRequired ?? {}) as Json);
  const given = Object.fromEntries(all.filter(([name]) => Object.hasOwn(relevant, name)));
  if (isDeepStrictEqual(relevant, given)) return [];
  return [{ field, keyword: 'dependentRequired', inner: given, outer: relevant }];
}

const join = (field: string, name: string) => (field === '' ? name : `${field}.${name}`);

function objectGaps(pair: Pair, outer: Json, inner: Json): Gap[] {
  const { field, ignoresExtraFields } = pair;
  const wanted = (outer.properties ?? {}) as Json;
  const given = (inner.properties ?? {}) as Json;
  const required = (schema: Json) => (schema.required ?? []) as string[];
  const gaps = companionGaps(outer, inner, field);
  const into = (name: string, outerSchema: unknown, innerSchema: unknown) =>
    findGaps({
      ...pair,
      field: join(field, name),
      outer: { ...pair.outer, schema: outerSchema },
      inner: { ...pair.inner, schema: innerSchema },
    });

  for (const name of Object.keys(wanted)) {
    if (Object.hasOwn(given, name)) gaps.push(...into(name, wanted[name], given[name]));
    else if (ignoresExtraFields)
      gaps.push({ field: join(field, name), keyword: 'field', inner: undefined, outer: 'there' });
  }
  for (const name of required(outer).filter((one) => !required(inner).includes(one))) {
    const isGone = ignoresExtraFields && !Object.hasOwn(given, name);
    if (!isGone) gaps.push({ field: join(field, name), keyword: 'required', inner: false, outer: true });
  }
  if (ignoresExtraFields) return gaps;
  const rest = outer.additionalProperties ?? true;
  for (const name of Object.keys(given).filter((one) => !Object.hasOwn(wanted, one))) {
    if (rest === false)
      gaps.push({ field: join(field, name), keyword: 'field', inner: 'there', outer: undefined });
    else gaps.push(...into(name, rest, given[name]));
  }
  const innerRest = inner.additionalProperties ?? true;
  if (rest === false && innerRest !== false)
    gaps.push({ field, keyword: 'additionalProperties', inner: innerRest, outer: rest });
  else if (innerRest !== false) gaps.push(...into('*', rest, innerRest));
  return gaps;
}

/** The gaps of the closest alternative of the outer schema. Alternatives of another type come last. */
function closest(candidates: Gap[][]): Gap[] {
  const sameType = candidates.filter((gaps) => !gaps.some((gap) => gap.keyword === 'type'));
  return (sameType.length > 0 ? sameType : candidates).sort((a, b) => a.length - b.length)[0] ?? [];
}

/** Finds values that the inner schema allows and the outer one does not. */
export function findGaps(pair: Pair): Gap[] {
  const { field } = pair;
  const outer = flatten(pair.outer);
  const inner = flatten(pair.inner);
  if (outer === true || inner === false) return [];
  if (outer === false) return [{ field, keyword: 'schema', inner, outer }];
  if (inner === true) return findGaps({ ...pair, inner: { ...pair.inner, schema: {} } });

  const against = (outerSchema: Json, innerSchema: Json) =>
    findGaps({
      ...pair,
      outer: { ...pair.outer, schema: outerSchema },
      inner: { ...pair.inner, schema: innerSchema },
    });
  const innerAlternatives = alternativesOf(inner);
  if (innerAlternatives) return innerAlternatives.flatMap((one) => against(outer, one));
  const outerAlternatives = alternativesOf(outer);
  if (outerAlternatives) return closest(outerAlternatives.map((one) => against(one, inner)));

  const types = typeGaps(outer, inner, field);
  if (types.length > 0) return types;
  const gaps = [...valueGaps(outer, inner, field), ...boundGaps(outer, inner, field)];
  const innerTypes = typesOf(inner) ?? ['object', 'array'];
  if (innerTypes.includes('object')) gaps.push(...objectGaps(pair, outer, inner));
  if (innerTypes.includes('array') && outer.items !== undefined) {
    gaps.push(
      ...findGaps({
        ...pair,
        field: `${field}[]`,
        outer: { ...pair.outer, schema: outer.items },
        inner: { ...pair.inner, schema: inner.items ?? true },
      }),
    );
  }
  return gaps;
}
