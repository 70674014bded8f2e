import { compareSecurity } from './compare-security.ts';
import { findGaps, type Gap } from './cover.ts';
import {
  type Document,
  type Json,
  listOperations,
  type Operation,
  type Parameter,
  pick,
  resolve,
} from './document.ts';
import { type Problem, show } from './problem.ts';

/** One call in the released document and in the current one. */
interface Versions {
  released: Document;
  current: Document;
  before: Operation;
  after: Operation;
}

const at = (place: string, field: string) => (field === '' ? place : `${place}: ${field}`);

const changed = (was: unknown, is: unknown) => `was ${show(was)} and is now ${show(is)}`;

/** Finds requests that the released document allows and the current one refuses. */
function compareInput({ released, current, before }: Versions, place: string, schemas: [unknown, unknown]) {
  const gaps = findGaps({
    outer: { document: current, schema: schemas[1] ?? true },
    inner: { document: released, schema: schemas[0] ?? true },
    field: '',
    ignoresExtraFields: false,
  });
  return gaps.map(({ field, keyword, inner, outer }: Gap) => ({
    call: before.call,
    field: at(place, field),
    message: `${keyword} ${changed(inner, outer)}`,
  }));
}

/** Finds answers that the current document allows and the released one did not. */
function compareOutput({ released, current, before }: Versions, place: string, schemas: [unknown, unknown]) {
  const gaps = findGaps({
    outer: { document: released, schema: schemas[0] ?? true },
    inner: { document: current, schema: schemas[1] ?? true },
    field: '',
    ignoresExtraFields: true,
  });
  return gaps.map(({ field, keyword, inner, outer }: Gap) => ({
    call: before.call,
    field: at(place, field),
    message: `${keyword} ${changed(outer, inner)}`,
  }));
}

/** Whether every consumer already sends a parameter, because the released document requires it as credentials. */
function wasCredential({ released, before }: Versions, parameter: Parameter): boolean {
  const schemes = (pick(released, '/components/securitySchemes') ?? {}) as Json;
  const isParameter = (name: string) => {
    const scheme = resolve(released, schemes[name]);
    return scheme.type === 'apiKey' && scheme.in === parameter.in && scheme.name === parameter.name;
  };
  return (
    before.security.length > 0 && before.security.every((needed) => Object.keys(needed).some(isParameter))
  );
}

function compareParameters(versions: Versions): Problem[] {
  const { before, after } = versions;
  const call = before.call;
  const find = (operation: Operation, place: string, name: string) =>
    operation.parameters.find((one) => one.in === place && one.name === name);
  const problems: Problem[] = [];
  for (const old of before.parameters) {
    const field = `${old.in} ${old.name}`;
    const now = find(after, old.in, old.name);
    if (!now) problems.push({ call, field, message: 'this parameter is gone' });
    else problems.push(...compareInput(versions, field, [old.schema, now.schema]));
  }
  for (const now of after.parameters.filter((one) => one.required)) {
    if (!find(before, now.in, now.name)?.required && !wasCredential(versions, now))
      problems.push({ call, field: `${now.in} ${now.name}`, message: 'this parameter is now required' });
  }
  return problems;
}

function compareBodies(versions: Versions): Problem[] {
  const { body: old } = versions.before;
  const { body: now } = versions.after;
  const call = versions.before.call;
  const problems: Problem[] = [];
  if (now?.required && !old?.required)
    problems.push({ call, field: 'body', message: 'a body is now required' });
  for (const [type, content] of Object.entries(old?.content ?? {})) {
    const accepted = now?.content[type];
    if (!accepted) problems.push({ call, field: `body ${type}`, message: 'this media type is gone' });
    else problems.push(...compareInput(versions, 'body', [content.schema, accepted.schema]));
  }
  return problems;
}

type Answer = Operation['answers'][string];

function compareAnswers(versions: Versions, status: string, pair: { old: Answer; now: Answer }): Problem[] {
  const { old, now } = pair;
  const call = versions.before.call;
  const place = `answer ${status}`;
  const problems: Problem[] = [];
  for (const [name, header] of Object.entries(old.headers)) {
    const field = `${place}: header ${name}`;
    const given = now.headers[name];
    if (!given) problems.push({ call, field, message: 'this header is gone' });
    else {
      if (header.required === true && given.required !== true)
        problems.push({ call, field, message: 'this header is no longer promised' });
      problems.push(...compareOutput(versions, field, [header.schema, given.schema]));
    }
  }
  for (const [type, content] of Object.entries(old.content)) {
    const given = now.content[type];
    if (!given) problems.push({ call, field: `${place} ${type}`, message: 'this media type is gone' });
    else problems.push(...compareOutput(versions, place, [content.schema, given.schema]));
  }
  return problems;
}

function compareStatuses(versions: Versions): Problem[] {
  const { before, after } = versions;
  const call = before.call;
  const problems: Problem[] = [];
  for (const [status, old] of Object.entries(before.answers)) {
    const now = after.answers[status];
    if (now) problems.push(...compareAnswers(versions, status, { old, now }));
    else problems.push({ call, field: `answer ${status}`, message: 'this status is gone' });
  }
  // Only consumers that send If-None-Match get a 304.
  const isNewSuccess = (status: string) =>
    /^[23]/.test(status) && status !== '304' && !before.answers[status];
  for (const status of Object.keys(after.answers).filter(isNewSuccess)) {
    problems.push({ call, field: `answer ${status}`, message: 'consumers do not know this success yet' });
  }
  return problems;
}

/**
 * Inputs narrowed on purpose since 0.1.0. Terminals and pages show hostnames, and no well-behaved client sends control
 * characters in one.
 */
const ON_PURPOSE = [
  { call: 'POST /api/sessions', field: 'body: hostname', change: 'pattern was' },
  { call: 'POST /api/pair', field: 'body: hostname', change: 'pattern was' },
];

const isOnPurpose = ({ call, field, message }: Problem) =>
  ON_PURPOSE.some((one) => one.call === call && one.field === field && message.startsWith(one.change));

/**
 * Finds changes that break a consumer of the released document: a removed call, field or status, a request that is now
 * refused, an answer that the released document did not allow. Optional additions do not break consumers.
 */
export function compare(released: Document, current: Document): Problem[] {
  const nowByCall = new Map(listOperations(current).map((operation) => [operation.call, operation]));
  const problems = listOperations(released).flatMap((before) => {
    const after = nowByCall.get(before.call);
    if (!after) return [{ call: before.call, field: 'call', message: 'this call is gone' }];
    const versions = { released, current, before, after };
    const renamed = before.operationId !== after.operationId;
    return [
      ...(renamed
        ? [
            {
              call: before.call,
              field: 'operationId',
              message: `${changed(before.operationId, after.operationId)}; generated clients are named after it`,
            },
          ]
        : []),
      ...compareSecurity(versions),
      ...compareParameters(versions),
      ...compareBodies(versions),
      ...compareStatuses(versions),
    ];
  });
  return problems.filter((problem) => !isOnPurpose(problem));
}
