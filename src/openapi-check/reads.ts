import { MAX_OF, type Read } from './contract.ts';
import { type Document, isObject, type Json, resolve } from './document.ts';
import { type Finding, show } from './problem.ts';

const join = (field: string, name: string) => (field === '' ? name : `${field}.${name}`);

const asRead = (read: Read) => (read.type === 'u32' || read.type === 'u64' ? 'integer' : read.type);

function integerPromise(schema: Json, read: Read & { type: 'u32' | 'u64' }): string[] {
  const { minimum, maximum } = schema;
  const faults = [];
  if (typeof minimum !== 'number' || minimum < 0)
    faults.push(`the document promises no minimum of 0; it is read as ${read.type}`);
  if (typeof maximum !== 'number' || maximum > MAX_OF[read.type])
    faults.push(`the document's maximum is ${show(maximum)}; it is read as ${read.type}`);
  return faults;
}

function stringPromise(schema: Json, read: Read & { type: 'string' }): string[] {
  const known = read.enum;
  if (!known) return [];
  const promised = ('const' in schema ? [schema.const] : schema.enum) as unknown[] | undefined;
  if (!promised) return [`the document promises no set of values; only ${show(known)} are understood`];
  return promised
    .filter((value) => !known.includes(value as string))
    .map((value) => `the document allows ${show(value)}, which is not understood`);
}

function fieldPromise(document: Document, parent: Json, name: string, pair: { read: Read; field: string }) {
  const { read, field } = pair;
  const schema = (parent.properties as Json | undefined)?.[name];
  if (schema === undefined) return [{ field, message: 'the document does not promise this field' }];
  const isRequired = ((parent.required ?? []) as string[]).includes(name);
  const faults = read.optional || isRequired ? [] : [{ field, message: 'the document does not require it' }];
  return [...faults, ...promiseFaults(document, schema, pair)];
}

/** Finds fields that a consumer reads and the document does not promise. */
export function promiseFaults(
  document: Document,
  node: unknown,
  { read, field = '' }: { read: Read; field?: string },
): Finding[] {
  const schema = resolve(document, node);
  if (schema.type !== asRead(read))
    return [{ field, message: `the document says ${show(schema.type)}; it is read as ${read.type}` }];
  const findingsOf = (messages: string[]) => messages.map((message) => ({ field, message }));
  switch (read.type) {
    case 'u32':
    case 'u64':
      return findingsOf(integerPromise(schema, read));
    case 'string':
      return findingsOf(stringPromise(schema, read));
    case 'array':
      return promiseFaults(document, schema.items, { read: read.items, field: `${field}[]` });
    case 'object':
      return Object.entries(read.fields).flatMap(([name, one]) =>
        fieldPromise(document, schema, name, { read: one, field: join(field, name) }),
      );
    default:
      return [];
  }
}

function scalarFault(value: unknown, read: Exclude<Read, { type: 'array' | 'object' }>): string | undefined {
  if (read.type === 'u32' || read.type === 'u64') {
    const fits = Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_OF[read.type];
    if (!fits) return `is ${show(value)}; it is read as ${read.type}`;
  } else if (typeof value !== read.type) return `is ${show(value)}; it is read as ${read.type}`;
  if (read.value !== undefined && value !== read.value)
    return `is ${show(value)} and should be ${show(read.value)}`;
  if (read.type !== 'string') return undefined;
  if (read.enum && !read.enum.includes(value as string))
    return `is ${show(value)}; only ${show(read.enum)} are understood`;
  if (read.pattern !== undefined && !new RegExp(read.pattern, 'u').test(value as string))
    return `does not match ${read.pattern}`;
  return undefined;
}

/** Finds values of a received body that a consumer could not read. */
export function readFaults(value: unknown, { read, field = '' }: { read: Read; field?: string }): Finding[] {
  if (read.type === 'array') {
    if (!Array.isArray(value)) return [{ field, message: `is ${show(value)}; it is read as an array` }];
    return value.flatMap((item, i) => readFaults(item, { read: read.items, field: `${field}[${i}]` }));
  }
  if (read.type === 'object') {
    if (!isObject(value)) return [{ field, message: `is ${show(value)}; it is read as an object` }];
    return Object.entries(read.fields).flatMap(([name, one]) => {
      if (Object.hasOwn(value, name)) return readFaults(value[name], { read: one, field: join(field, name) });
      return one.optional ? [] : [{ field: join(field, name), message: 'is missing from the answer' }];
    });
  }
  const message = scalarFault(value, read);
  return message === undefined ? [] : [{ field, message }];
}
