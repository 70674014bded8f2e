import type { ZodError } from 'zod';
import { badRequest, type RelayError, showName, tooLarge } from '../errors.ts';

type Issue = ZodError['issues'][number];

const nameOf = (issue: Issue) => (issue.path.length === 0 ? 'The input' : `Field ${issue.path.join('.')}`);

const TYPE_NAMES: Record<string, string> = {
  string: 'a string',
  number: 'a whole number that is not negative',
  int: 'a whole number that is not negative',
  boolean: 'true or false',
  object: 'a JSON object',
  array: 'a list',
};

function describe(issue: Issue): string {
  switch (issue.code) {
    case 'unrecognized_keys':
      return `Unknown field ${showName(issue.keys[0] ?? '')}; it is not part of this call.`;
    case 'invalid_type': {
      const type = TYPE_NAMES[issue.expected] ?? issue.expected;
      // zod leaves the input itself out of its issues.
      const missing = issue.message.endsWith('received undefined');
      return missing
        ? `${nameOf(issue)} is missing; it must be ${type}.`
        : `${nameOf(issue)} must be ${type}.`;
    }
    case 'too_small':
      // The same sentence as for a `-1` that a query brings, which is no number yet.
      if (issue.origin !== 'string' && issue.minimum === 0)
        return `${nameOf(issue)} must be ${TYPE_NAMES.int}.`;
      return `${nameOf(issue)} must be at least ${issue.minimum}${issue.origin === 'string' ? ' character long' : ''}.`;
    case 'too_big':
      if (issue.origin === 'array') return `${nameOf(issue)} must have at most ${issue.maximum} items.`;
      return `${nameOf(issue)} must be at most ${issue.maximum}${issue.origin === 'string' ? ' characters long' : ''}.`;
    case 'custom':
      return `${nameOf(issue)} ${issue.message}.`;
    default:
      return `${nameOf(issue)}: ${issue.message}.`;
  }
}

/**
 * One sentence on what is wrong with the input, naming the field. A field that is unknown comes
 * first: it usually is the one that is missing, misspelt.
 */
export function describeInvalidInput(error: ZodError): RelayError {
  const issue = error.issues.find(({ code }) => code === 'unrecognized_keys') ?? error.issues[0];
  if (!issue) return badRequest('The input is not valid.');
  const message = describe(issue);
  return issue.code === 'custom' && issue.params?.tooLarge ? tooLarge(message) : badRequest(message);
}
