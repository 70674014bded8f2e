import type { Schema } from './arbitrary.ts';
import { type Document, findOperation, makeValueJudge, type Operation } from './document.ts';
import type { RawRequest } from './raw-http.ts';

/** Converts the text of a parameter. An integer may have more digits than a JavaScript number holds exactly. */
function fromText(schema: Schema, text: string): unknown {
  if (schema.type === 'integer' && /^\d{1,20}$/.test(text))
    return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
  if (schema.type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  return text;
}

/**
 * Makes the judge of requests, which reads the document strictly.
 * @returns the first objection in one line, or undefined
 */
export function makeRequestJudge(document: Document): (request: RawRequest) => string | undefined {
  const judgeValue = makeValueJudge(document);

  function judgeQuery({ parameters = [], security }: Operation, query: URLSearchParams): string | undefined {
    const isOpen = !security.some((needed) => 'clientId' in needed);
    // An open call ignores the client id, and so does one that only keys and operators may make.
    const names = [...query.keys()].filter((name) => name !== '' && !(isOpen && name === 'id'));
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) return `the query has ${twice} more than once`;
    if (!isOpen && !query.get('id')) return 'the query has no id';
    for (const name of names.filter((candidate) => candidate !== 'id')) {
      const parameter = parameters.find((candidate) => candidate.in === 'query' && candidate.name === name);
      if (!parameter) return `the query has ${name}`;
      const problem = judgeValue(parameter.schema, fromText(parameter.schema, query.get(name) ?? ''));
      if (problem) return `the query's ${name}: ${problem}`;
    }
    return undefined;
  }

  function judgeBody({ requestBody }: Operation, { headers, body }: RawRequest): string | undefined {
    if (!requestBody || body === undefined) return undefined;
    if (body.length > 0 && !/^application\/json\b/i.test(headers?.['content-type'] ?? ''))
      return 'the body is not sent as JSON';
    try {
      const value: unknown = body.length === 0 ? {} : JSON.parse(Buffer.from(body).toString());
      return judgeValue(requestBody.content['application/json'].schema, value);
    } catch {
      return 'the body is no JSON';
    }
  }

  return (request) => {
    const operation = findOperation(document, request.method, request.path)?.operation;
    if (!operation) return 'there is no such call';
    const isOpen = operation.security.length === 0;
    if (!isOpen && !request.headers?.authorization) return 'the session is missing';
    const query = new URLSearchParams(request.path.split('?').slice(1).join('?'));
    return judgeQuery(operation, query) ?? judgeBody(operation, request);
  };
}
