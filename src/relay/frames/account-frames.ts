import { parseJson, stringsOf } from './frame-json.ts';

/**
 * Requests that newer Astations send to a relay with accounts (contract, section 5), with the sentence that their user
 * reads. None of them may reach an atem, a log line or the audit log, because one carries a sign-in token.
 */
const ANSWERS: Readonly<Record<string, string>> = {
  relayRegisterAccount:
    'This server has no accounts and ignored your sign-in; use pairing and vaults without an account.',
  relayAccountList:
    'This server has no accounts, so there is nothing to list; its operator runs "vault-relay astation list" instead.',
  relayMergeRequest: 'This server cannot merge Astations; keep using each Astation on its own.',
  relayMergeApprove: 'This server cannot merge Astations; keep using each Astation on its own.',
  relayMergeCancel: 'This server cannot merge Astations, so there is no merge to cancel.',
  relayLeaveGroup: 'This server has no groups of Astations, so there is no group to leave.',
  relayRemoveAstation:
    'This server has no accounts to remove an Astation from; ask its operator to run "vault-relay astation ban".',
  relayEncryptionGet: 'This server does not encrypt vaults for an account; leave account encryption off.',
  relayEncryptionSet: 'This server does not encrypt vaults for an account; leave account encryption off.',
};

/** The form in which names are compared: lower case, letters only. */
const NAMES: ReadonlyMap<string, string> = new Map(
  Object.keys(ANSWERS).map((name) => [name.toLowerCase(), name]),
);
const LONGEST_NAME = Math.max(...[...NAMES.keys()].map((name) => name.length));

/** A quoted name in a text that is not JSON. Non-letters may surround it. */
const QUOTED_NAME = new RegExp(`"[^a-z0-9"]{0,64}(${[...NAMES.keys()].join('|')})[^a-z0-9"]{0,64}"`, 'i');
const ANY_NAME = new RegExp([...NAMES.keys()].join('|'));

const SHORTEST_NAME = Math.min(...[...NAMES.keys()].map((name) => name.length));

/** Levels of JSON nested in JSON strings that are decoded. Deeper levels are searched as plain text. */
const MAX_NESTED_TEXTS = 4;
/** Strings containing a name that are parsed. A frame with more of them is refused. */
const MAX_SUSPECTS = 100;

/** @returns the sentence that refuses a frame of this type; undefined for any other type */
export const accountAnswer = (type: string): string | undefined =>
  Object.hasOwn(ANSWERS, type) ? ANSWERS[type] : undefined;

/**
 * Finds an account frame hidden in JSON, so that its token is not forwarded. Compares every string by its decoded
 * letters, including values of duplicate members, and searches strings that contain JSON. Prose that quotes a type does
 * not match. The work is linear, because the strings of one level together are no longer than the level above.
 * @param json valid JSON
 * @returns the type as the contract writes it
 */
export const accountFrameInJson = (json: string): string | undefined =>
  findInJson(json, { level: 0, suspects: { left: MAX_SUSPECTS } });

/** Finds the type of an account frame anywhere in a text that is not JSON. @returns as {@link accountFrameInJson} */
export const accountFrameInText = (text: string): string | undefined =>
  nameIn(ANY_NAME.exec(lettersOf(withoutEscapes(text)))?.[0]);

interface Search {
  level: number;
  suspects: { left: number };
}

function findInJson(json: string, search: Search): string | undefined {
  for (const literal of stringsOf(json)) {
    const found = accountFrameName(literal) ?? findInString(literal, search);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Searches a string that may contain JSON, even malformed JSON. */
function findInString(literal: string, { level, suspects }: Search): string | undefined {
  if (literal.length < SHORTEST_NAME || !/^\s*["[{]/.test(literal)) return undefined;
  const suspect = accountFrameInText(literal);
  if (suspect === undefined || level === MAX_NESTED_TEXTS || suspects.left-- === 0) return suspect;
  if (parseJson(literal).ok) return findInJson(literal, { level: level + 1, suspects });
  return nameIn(QUOTED_NAME.exec(withoutEscapes(literal))?.[1]);
}

const nameIn = (found: string | undefined) =>
  found === undefined ? undefined : NAMES.get(found.toLowerCase());

/**
 * Recognises the type of an account frame in a string. Ignores case and the characters around and between the letters.
 * Words separated by spaces are prose and do not match.
 * @returns the type as the contract writes it
 */
export function accountFrameName(literal: string): string | undefined {
  let [letters, isApart] = ['', false];
  for (let at = 0; at < literal.length; at++) {
    const code = literal.charCodeAt(at);
    if (isLetterOrDigit(code)) {
      if (isApart || letters.length === LONGEST_NAME) return undefined;
      letters += String.fromCharCode(code);
    } else if (code === SPACE && letters !== '') isApart = true;
  }
  return NAMES.get(letters.toLowerCase());
}

const SPACE = 0x20;
const isLetterOrDigit = (code: number): boolean =>
  (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || (code >= 0x30 && code <= 0x39);

const lettersOf = (text: string): string => text.toLowerCase().replace(/[^a-z0-9 ]+/g, '');

/** Decodes `\u0052` at any escape depth, and drops every other escape. */
const withoutEscapes = (text: string): string =>
  text
    .replace(/\\{2,}/g, '\\')
    .replace(/\\u([0-9a-f]{4})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/\\[bfnrt]?/g, '');
