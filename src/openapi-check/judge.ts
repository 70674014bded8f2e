import { type Document, findOperation, type Operation, resolve } from './document.ts';
import { type Finding, within } from './problem.ts';
import { Schemas } from './schemas.ts';

/** A received answer. Its body is parsed if it is JSON. */
export interface LiveAnswer {
  status: number;
  headers: Headers;
  body: unknown;
}

/** Checks the status, headers and body of answers against a document. Works for any answer of a documented call. */
export class AnswerJudge {
  readonly #document: Document;
  readonly #schemas: Schemas;

  constructor(document: Document) {
    this.#document = document;
    this.#schemas = new Schemas(document);
  }

  findOperation(method: string, path: string): Operation | undefined {
    return findOperation(this.#document, method, path);
  }

  /** Finds parts of an answer that the document does not allow. */
  judge(operation: Operation, { status, headers, body }: LiveAnswer): Finding[] {
    const place = `answer ${status}`;
    const promised = operation.answers[status];
    if (!promised) return [{ field: place, message: 'the document does not know this status' }];
    const findings: Finding[] = [];
    for (const [name, header] of Object.entries(promised.headers)) {
      const field = `${place}: header ${name}`;
      const text = headers.get(name);
      if (text === null) {
        if (header.required === true)
          findings.push({ field, message: 'the document promises this header; it is not there' });
        continue;
      }
      const isInteger = resolve(this.#document, header.schema).type === 'integer' && /^\d+$/.test(text);
      const faults = this.#schemas.faultsOf(isInteger ? Number(text) : text, header.schema);
      findings.push(
        ...faults.map(({ message }) => ({ field, message: `is ${JSON.stringify(text)}: ${message}` })),
      );
    }
    const type = headers.get('content-type')?.split(';')[0] ?? '';
    if (type === '' && Object.keys(promised.content).length === 0) return findings;
    const content = promised.content[type];
    if (!content)
      return [...findings, { field: place, message: `the document promises no ${type || 'body'}` }];
    return [...findings, ...within(place, this.#schemas.faultsOf(body, content.schema))];
  }
}
