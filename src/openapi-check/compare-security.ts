import { type Document, type Json, type Operation, pick, resolve } from './document.ts';
import type { Problem } from './problem.ts';

interface Versions {
  released: Document;
  current: Document;
  before: Operation;
  after: Operation;
}

const schemesOf = (document: Document) => (pick(document, '/components/securitySchemes') ?? {}) as Json;

/** Whether a scheme takes the same credentials in the same place in both documents. */
function isSameScheme({ released, current }: Versions, name: string): boolean {
  const credentialsIn = (document: Document) => {
    const { type, in: place, name: key, scheme } = resolve(document, schemesOf(document)[name]);
    return JSON.stringify([type, place, key, scheme]);
  };
  return credentialsIn(released) === credentialsIn(current);
}

const named = (alternatives: Json[]) =>
  alternatives.map((one) => Object.keys(one).join(' and ') || 'nothing').join(' or ') || 'nothing';

/** Finds calls that no longer accept the credentials of the released document. */
export function compareSecurity(versions: Versions): Problem[] {
  const { before, after } = versions;
  const accepted = after.security.length > 0 ? after.security : [{}];
  const problems: Problem[] = [];
  const isAccepted = (sent: Json) =>
    accepted.some((needed) => Object.keys(needed).every((scheme) => Object.hasOwn(sent, scheme)));
  if (!(before.security.length > 0 ? before.security : [{}]).every(isAccepted)) {
    const message = `asked for ${named(before.security)} and now asks for ${named(after.security)}`;
    problems.push({ call: before.call, field: 'security', message });
  }
  const used = new Set(after.security.flatMap(Object.keys));
  for (const name of new Set(before.security.flatMap(Object.keys))) {
    if (used.has(name) && !isSameScheme(versions, name))
      problems.push({ call: before.call, field: `security ${name}`, message: 'is sent in another way now' });
  }
  return problems;
}
