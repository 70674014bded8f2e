import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { type Document, isObject } from './document.ts';
import type { Finding } from './problem.ts';

/** Forbids unlisted fields in objects with listed fields, unless the schema allows them. */
function close(node: unknown): void {
  if (Array.isArray(node)) for (const item of node) close(item);
  if (!isObject(node)) return;
  const isListed = node.type === 'object' && isObject(node.properties);
  if (isListed && node.additionalProperties === undefined) node.additionalProperties = false;
  for (const value of Object.values(node)) close(value);
}

function toFault({ instancePath, keyword, params, message = '' }: ErrorObject): Finding {
  const named = params.missingProperty ?? params.additionalProperty;
  const path = [...instancePath.split('/').slice(1), ...(named === undefined ? [] : [String(named)])];
  const field = path.join('.').replace(/(^|\.)(\d+)(?=\.|$)/g, '[$2]');
  if (keyword === 'additionalProperties') return { field, message: 'the document does not know this field' };
  if (keyword === 'required') return { field, message: 'the document promises this field; it is not there' };
  return { field, message: message === '' ? keyword : message };
}

/** Validates values against the schemas of a document. Unlisted fields are refused. */
export class Schemas {
  readonly #ajv: Ajv2020;
  readonly #compiled = new Map<string, ValidateFunction>();

  constructor(document: Document) {
    this.#ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true });
    addFormats.default(this.#ajv);
    const closed = structuredClone(document);
    close(closed.components);
    close(closed.paths);
    this.#ajv.addSchema({ ...closed, $id: 'document' });
  }

  /** Finds parts of a value that a schema refuses. References of the schema resolve in the document. */
  faultsOf(value: unknown, schema: unknown): Finding[] {
    const text = JSON.stringify(schema ?? {});
    const validate = this.#compiled.get(text) ?? this.#compile(text);
    return validate(value) ? [] : (validate.errors ?? []).map(toFault);
  }

  #compile(text: string): ValidateFunction {
    const rebased = JSON.parse(text, (_key, node) =>
      isObject(node) && typeof node.$ref === 'string' ? { ...node, $ref: `document${node.$ref}` } : node,
    );
    close(rebased);
    const validate = this.#ajv.compile(rebased);
    this.#compiled.set(text, validate);
    return validate;
  }
}
