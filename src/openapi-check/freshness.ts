import { type Document, isObject, type Json, pick } from './document.ts';
import { type Problem, show } from './problem.ts';

/** The file is indented by two spaces and ends with a newline. */
export const formatDocument = (document: Document): string => `${JSON.stringify(document, null, 2)}\n`;

const escapeToken = (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1');

/** Pointers of every difference between two values. */
function differences(left: unknown, right: unknown, pointer = ''): string[] {
  const isTree = (value: unknown) => isObject(value) || Array.isArray(value);
  if (!isTree(left) || !isTree(right) || Array.isArray(left) !== Array.isArray(right))
    return left === right ? [] : [pointer];
  const keys = new Set([...Object.keys(left as Json), ...Object.keys(right as Json)]);
  return [...keys].flatMap((key) =>
    differences((left as Json)[key], (right as Json)[key], `${pointer}/${escapeToken(key)}`),
  );
}

/** Whether a node refers to a component, directly or through other references. */
function refersTo(document: Document, node: unknown, target: string, seen = new Set<string>()): boolean {
  if (Array.isArray(node)) return node.some((one) => refersTo(document, one, target, seen));
  if (!isObject(node)) return false;
  const { $ref } = node;
  if (typeof $ref === 'string' && !seen.has($ref)) {
    if ($ref === target) return true;
    seen.add($ref);
    if (refersTo(document, pick(document, $ref.slice(1)), target, seen)) return true;
  }
  return Object.values(node).some((one) => refersTo(document, one, target, seen));
}

function callsOf(document: Document, component: string): string {
  const calls = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([, operation]) => refersTo(document, operation, component))
      .map(([method]) => `${method.toUpperCase()} ${path}`),
  );
  const [first, ...others] = calls;
  if (first === undefined) return 'document';
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}

/** Converts a pointer to a call and a field. */
function locate(document: Document, pointer: string): Pick<Problem, 'call' | 'field'> {
  const tokens = pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
  const [section, first = '', second = '', ...rest] = tokens;
  if (section === 'paths' && second !== '')
    return { call: `${second.toUpperCase()} ${first}`, field: rest.join('.') || 'call' };
  if (section === 'components' && second !== '') {
    const component = `#/components/${escapeToken(first)}/${escapeToken(second)}`;
    return { call: callsOf(document, component), field: [second, ...rest].join('.') };
  }
  return { call: 'document', field: tokens.join('.') || 'document' };
}

/** Finds where the committed document differs from the generated one. */
export function checkFresh(committed: string, generated: Document): Problem[] {
  if (committed === formatDocument(generated)) return [];
  const rewrite = 'run npm run openapi:write';
  let parsed: Document;
  try {
    parsed = JSON.parse(committed);
  } catch {
    return [{ call: 'document', field: 'file', message: `the committed file is no JSON; ${rewrite}` }];
  }
  const found = differences(parsed, generated);
  if (found.length === 0)
    return [{ call: 'document', field: 'order', message: `the code writes it in another order; ${rewrite}` }];
  return found.map((pointer) => ({
    ...locate(pick(generated, pointer) === undefined ? parsed : generated, pointer),
    message: `committed is ${show(pick(parsed, pointer))}, the code generates ${show(pick(generated, pointer))}; ${rewrite}`,
  }));
}
