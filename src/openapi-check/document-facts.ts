import { type Contract, type FilledRequest, fillRequest, type Step, type Variables } from './contract.ts';
import { type Document, findOperation, type Json, type Operation, pick, resolve } from './document.ts';
import { type Finding, type Problem, within } from './problem.ts';
import { promiseFaults } from './reads.ts';
import { Schemas } from './schemas.ts';

/** Parses the text of a path or query into the type of its schema. */
function readText(document: Document, text: string, schema: unknown): unknown {
  const { type } = resolve(document, schema);
  if (type === 'integer' && /^-?\d+$/.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

type Sent = Record<string, Record<string, string>>;

/** The parameters of a request, by place and name. */
function readSent(operation: Operation, request: FilledRequest): Sent {
  const segments = request.path.split('/');
  const names = operation.path.split('/').flatMap((part, i) => {
    const name = /^{(.+)}$/.exec(part)?.[1];
    return name === undefined ? [] : [[name, decodeURIComponent(segments[i] ?? '')]];
  });
  return {
    path: Object.fromEntries(names),
    query: Object.fromEntries(new URLSearchParams(request.query)),
    header: request.headers,
  };
}

/** Where a request carries the credentials of a scheme. */
function placeOf(document: Document, scheme: string): { in: string; name: string } {
  const known = (pick(document, '/components/securitySchemes') ?? {}) as Json;
  const { type, in: place, name } = resolve(document, known[scheme]);
  return type === 'apiKey'
    ? { in: String(place), name: String(name).toLowerCase() }
    : { in: 'header', name: 'authorization' };
}

function securityFindings(document: Document, operation: Operation, sent: Sent): Finding[] {
  const isSent = (scheme: string) => {
    const { in: place, name } = placeOf(document, scheme);
    return sent[place]?.[name] !== undefined;
  };
  const { security } = operation;
  if (security.length === 0 || security.some((needed) => Object.keys(needed).every(isSent))) return [];
  const needed = security.map((one) => Object.keys(one).join(' and ')).join(' or ');
  return [{ field: 'security', message: `the document asks for ${needed}, which is not sent` }];
}

function parameterFindings(
  document: Document,
  operation: Operation,
  context: { schemas: Schemas; sent: Sent },
) {
  const { schemas, sent } = context;
  const findings: Finding[] = [];
  for (const { in: place, name, required, schema } of operation.parameters) {
    const text = sent[place]?.[place === 'header' ? name.toLowerCase() : name];
    const field = `${place} ${name}`;
    if (text === undefined) {
      if (required) findings.push({ field, message: 'the document requires this parameter; it is not sent' });
      continue;
    }
    for (const fault of schemas.faultsOf(readText(document, text, schema), schema))
      findings.push({ field, message: `the document refuses ${JSON.stringify(text)}: it ${fault.message}` });
  }
  const credentials = operation.security.flatMap(Object.keys).map((scheme) => placeOf(document, scheme));
  const isKnown = (name: string) =>
    operation.parameters.some((one) => one.in === 'query' && one.name === name) ||
    credentials.some((one) => one.in === 'query' && one.name === name);
  for (const name of Object.keys(sent.query ?? {}).filter((one) => !isKnown(one)))
    findings.push({ field: `query ${name}`, message: 'the document does not know this parameter' });
  return findings;
}

function bodyFindings(operation: Operation, request: FilledRequest, schemas: Schemas): Finding[] {
  if (request.body === undefined) {
    if (!operation.body?.required) return [];
    return [{ field: 'body', message: 'the document requires a body; none is sent' }];
  }
  const type = request.headers['content-type']?.split(';')[0] ?? '';
  const content = operation.body?.content[type];
  if (!content) return [{ field: 'body', message: `the document takes no body of type ${type}` }];
  return schemas
    .faultsOf(request.body, content.schema)
    .map(({ field, message }) => ({ field: `body ${field}`.trim(), message: `refused: ${message}` }));
}

/** Finds parts of a request that the document refuses. The request is expected to succeed. */
function requestFindings(
  document: Document,
  operation: Operation,
  context: { request: FilledRequest; schemas: Schemas },
) {
  const { request, schemas } = context;
  const sent = readSent(operation, request);
  return [
    ...securityFindings(document, operation, sent),
    ...parameterFindings(document, operation, { schemas, sent }),
    ...bodyFindings(operation, request, schemas),
  ];
}

function answerFindings(document: Document, operation: Operation, { answer }: Step): Finding[] {
  const place = `answer ${answer.status}`;
  const promised = operation.answers[answer.status];
  if (!promised) return [{ field: place, message: 'the document does not know this status' }];
  const findings: Finding[] = [];
  for (const name of Object.keys(answer.headers).filter((one) => one !== 'content-type')) {
    if (promised.headers[name]?.required !== true)
      findings.push({
        field: `${place}: header ${name}`,
        message: 'the document does not promise this header',
      });
  }
  const content = promised.content['application/json'];
  if (!content) return [...findings, { field: place, message: 'the document promises no JSON' }];
  return [...findings, ...within(place, promiseFaults(document, content.schema, { read: answer.body }))];
}

function examine(
  document: Document,
  step: Step,
  context: { variables: Variables; schemas: Schemas },
): Problem[] {
  const { variables, schemas } = context;
  const request = fillRequest(step, variables);
  const operation = findOperation(document, request.method, request.path);
  const inStep = ({ field, message }: Finding) => ({
    call: operation?.call ?? `${request.method} ${step.request.path}`,
    field,
    message: `${message} (${step.name})`,
  });
  if (!operation) return [inStep({ field: 'call', message: 'the document does not know this call' })];
  const mustSucceed = step.answer.status < 400;
  return [
    ...(mustSucceed ? requestFindings(document, operation, { request, schemas }) : []),
    ...answerFindings(document, operation, step),
  ].map(inStep);
}

/** Finds requests of the contract that the document refuses, and fields that it does not promise but the contract reads. */
export function checkPromises(document: Document, contract: Contract): Problem[] {
  const schemas = new Schemas(document);
  const variables = Object.fromEntries(
    Object.entries(contract.variables).map(([name, { example }]) => [name, example]),
  );
  return contract.steps.flatMap((step) => examine(document, step, { variables, schemas }));
}
