/** A JSON object of unknown structure. */
export type Json = Record<string, unknown>;

export type Document = Json & { paths: Record<string, Json> };

export interface Parameter {
  in: string;
  name: string;
  required: boolean;
  schema: unknown;
}

export interface Operation {
  /** Method and path, such as `POST /api/vault`. */
  call: string;
  method: string;
  path: string;
  operationId: unknown;
  /** Each alternative names the schemes that it needs together. Without alternatives, the call is open to every caller. */
  security: Record<string, unknown>[];
  parameters: Parameter[];
  body: { required: boolean; content: Record<string, Json> } | undefined;
  /** By status. */
  answers: Record<string, { headers: Record<string, Json>; content: Record<string, Json> }>;
}

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Follows a JSON Pointer. @returns undefined when the pointer leads nowhere */
export function pick(value: unknown, pointer: string): unknown {
  let node = value;
  for (const token of pointer.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    node = typeof node === 'object' && node !== null ? (node as Json)[key] : undefined;
  }
  return node;
}

/** Follows the `$ref` of a node, if it has one. */
export function resolve(document: Document, node: unknown): Json {
  let found = node;
  for (let hops = 0; isObject(found) && typeof found.$ref === 'string'; hops++) {
    const { $ref, ...beside } = found;
    const target = pick(document, decodeURIComponent(($ref as string).slice(1)));
    if (!isObject(target) || hops > 20) throw new Error(`The document has nothing at ${$ref}`);
    found = { ...target, ...beside };
  }
  return isObject(found) ? found : {};
}

const entriesOf = (document: Document, node: unknown): Record<string, Json> =>
  Object.fromEntries(
    Object.entries(isObject(node) ? node : {}).map(([name, value]) => [name, resolve(document, value)]),
  );

function readParameters(document: Document, path: Json, operation: Json): Parameter[] {
  const nodes = [...((path.parameters as unknown[]) ?? []), ...((operation.parameters as unknown[]) ?? [])];
  const byName = new Map<string, Parameter>();
  for (const node of nodes) {
    const { in: place, name, required, schema } = resolve(document, node);
    byName.set(`${place} ${name}`, {
      in: String(place),
      name: String(name),
      required: required === true,
      schema,
    });
  }
  return [...byName.values()];
}

function readOperation(document: Document, path: string, method: string): Operation {
  const pathItem = resolve(document, document.paths[path]);
  const operation = resolve(document, pathItem[method]);
  const body = operation.requestBody === undefined ? undefined : resolve(document, operation.requestBody);
  const answers = entriesOf(document, operation.responses);
  return {
    call: `${method.toUpperCase()} ${path}`,
    method: method.toUpperCase(),
    path,
    operationId: operation.operationId,
    security: ((operation.security ?? document.security ?? []) as Json[]).filter(
      (alternative, _, all) => all.length > 1 || Object.keys(alternative).length > 0,
    ),
    parameters: readParameters(document, pathItem, operation),
    body: body && { required: body.required === true, content: entriesOf(document, body.content) },
    answers: Object.fromEntries(
      Object.entries(answers).map(([status, answer]) => [
        status,
        { headers: entriesOf(document, answer.headers), content: entriesOf(document, answer.content) },
      ]),
    ),
  };
}

/** Every call of a document, with references resolved except in schemas. */
export function listOperations(document: Document): Operation[] {
  return Object.keys(document.paths).flatMap((path) =>
    METHODS.filter((method) => document.paths[path]?.[method] !== undefined).map((method) =>
      readOperation(document, path, method),
    ),
  );
}

/** Finds the call of a request. Literal segments match themselves; `{name}` matches any one segment. */
export function findOperation(document: Document, method: string, path: string): Operation | undefined {
  const segments = path.split('/');
  const matches = (operation: Operation) => {
    const template = operation.path.split('/');
    return (
      operation.method === method &&
      template.length === segments.length &&
      template.every((part, i) => /^{.+}$/.test(part) || part === segments[i])
    );
  };
  const literal = (operation: Operation) => operation.path.split('/').filter((part) => !/^{.+}$/.test(part));
  return listOperations(document)
    .filter(matches)
    .sort((a, b) => literal(b).length - literal(a).length)[0];
}
