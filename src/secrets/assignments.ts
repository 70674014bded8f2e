import type { Found } from './found.ts';
import { isHex, looksLikePassword, looksRandom } from './judge.ts';
import type { Run } from './runs.ts';
import { tokenAt } from './tokens.ts';

const WORDS = 'key token secret password passwd passphrase pwd credential session bearer basic'.split(' ');

const LOWER_CASE = 32;
const lowerAt = (text: string, at: number): number => text.charCodeAt(at) | LOWER_CASE;

/** @returns the second letters of words, by the first */
function secondLettersOf(words: readonly string[]): readonly (readonly number[])[] {
  const seconds: number[][] = [];
  for (const word of words)
    seconds[lowerAt(word, 0)] = [...(seconds[lowerAt(word, 0)] ?? []), lowerAt(word, 1)];
  return seconds;
}
const SECOND = secondLettersOf(WORDS);

/** A character of a value. */
const VALUE = '[^\\s"\'`,;:=&<>()[\\]{}|\\\\]';

/** A word for a secret at the end of a name, and a value with a digit behind it. Every repetition is bounded. */
const ASSIGNMENT = new RegExp(
  `(${WORDS.join('|')})s?\\d?((?:[_-][a-z\\d]{1,12}){0,3})["'\`\\]]{0,3}([ \\t]{0,8}(?:=>|:=|={1,2}|:)[ \\t]{0,8}|[ \\t]{1,4})["'\`]?(?=${VALUE}{0,128}\\d)(${VALUE}{8,128}={0,2})`,
  'iy',
);

/** The part of a name before the word, and what it is an option of. */
const BEFORE = /[\w.-]{0,32} ?$/;
const LOOKED_BACK = 33;

/** Names of values that are shown to everybody. */
const OPEN_NAME =
  /(?:public|pub|primary|foreign|cache|idempotency|partition|sort|routing|object|storage|react|map|index|search|registry|host|page|continuation|next|row|unique|lookup|fingerprint|hash|i18n|trace|deploy|websocket)[ _.-]?$/i;
/** Names of what describes a secret. */
const OPEN_SUFFIX =
  /[_-](?:hash|sha\d{0,3}|digest|count|name|file|path|url|uri|arn|type|fingerprint|version|length|size|limit|expir\w{0,6}|ttl|prefix|format|algorithm|encryption)$/i;
/** Values that are a path, an address or a reference to a variable. */
const REFERENCE =
  /^(?:[$%~/.]|[a-z][a-z\d+.-]{0,20}:\/\/|(?:process|import|os|self|this|config|env|settings|secrets|vars|data|props|req|res|ctx)\.|SHA256:|sha\d{1,3}[-:]|ssh-|AAAA)/i;

/** Names whose values may be hexadecimal. Others with such a value are names of hashes. */
const STRICT = /^(?:token|secret|passw(?:or)?d|passphrase|pwd|credential|session|bearer)$/i;
const STRICT_KEY =
  /(?:api|secret|private|access|encryption|signing|auth|master|account|service|admin|client|app)[ _.-]?$/i;

const PASSWORD = /^(?:passw(?:or)?d|passphrase|pwd)$/i;
const SCHEME = /^(?:bearer|basic)$/i;

/** Whether the value of `Basic` holds a name and a password. */
function isBasic(value: string): boolean {
  if (!/^[\w+/-]{12,512}={0,2}$/.test(value)) return false;
  try {
    return /^[\x20-\x7e]{1,128}:[\x20-\x7e]{6,256}$/.test(
      atob(value.replaceAll('-', '+').replaceAll('_', '/')),
    );
  } catch {
    return false; // it is not base64
  }
}

interface Assignment {
  word: string;
  before: string;
  value: string;
}

function isSecret({ word, before, value }: Assignment): boolean {
  if (/^basic$/i.test(word)) return isBasic(value);
  if (PASSWORD.test(word)) return looksLikePassword(value);
  if (!looksRandom(value)) return false;
  return !isHex(value) || STRICT.test(word) || STRICT_KEY.test(before);
}

/** Whether the separator is only a blank, which counts after an option, `Bearer`, `Basic` and `session`. */
const isApart = (word: string, before: string, separator: string): boolean =>
  separator.trim() !== '' ||
  SCHEME.test(word) ||
  /^session$/i.test(word) ||
  /(?:^|\s)--?[\w-]{0,32}$/.test(before);

const kindOf = (word: string): string => {
  if (PASSWORD.test(word)) return 'password';
  if (SCHEME.test(word)) return 'authorization';
  return /^session$/i.test(word) ? 'session-id' : 'secret-value';
};

function judge(text: string, match: RegExpExecArray): Found | undefined {
  const [whole, word = '', suffix = '', separator = '', raw = ''] = match;
  const value = raw.replace(/[.!?*]{1,8}$/, '');
  const at = match.index + whole.length - raw.length;
  const before = BEFORE.exec(text.slice(Math.max(0, match.index - LOOKED_BACK), match.index))?.[0] ?? '';
  if (!isApart(word, before, separator) || !isSecret({ word, before, value })) return undefined;
  if (REFERENCE.test(value) || OPEN_SUFFIX.test(suffix) || OPEN_NAME.test(before)) return undefined;
  // A call, the first part of a template, or a place where the published form says more.
  if (/^[(<{$[]/.test(text.slice(at + value.length, at + value.length + 1))) return undefined;
  return tokenAt(text, at) ? undefined : { kind: kindOf(word), at, value, shown: '' };
}

/** The values of one text, because each takes microseconds to judge and an answer shows a few. */
const MAX_VALUES = 200;
/** Characters that a name and its separator may have before the run of the value. */
const LEAD = 80;

/** @returns values in these runs that look random, behind a name that says that they are secret */
export function findAssignments(text: string, runs: readonly Run[]): Found[] {
  const found: Found[] = [];
  let at = 0;
  for (const { from, to } of runs) {
    for (at = Math.max(at, from - LEAD); at < to; at++) {
      if (!SECOND[lowerAt(text, at)]?.includes(lowerAt(text, at + 1))) continue;
      ASSIGNMENT.lastIndex = at;
      const match = ASSIGNMENT.exec(text);
      const value = match && judge(text, match);
      if (!value) continue;
      found.push(value);
      if (found.length === MAX_VALUES) return found;
      at = value.at + value.value.length;
    }
  }
  return found;
}
