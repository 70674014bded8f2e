import type { Found } from './found.ts';
import { isMonotonous, isPlaceholder } from './judge.ts';

const PRIVATE_KEY_BEGIN = '-----BEGIN ';
/** The label and the first characters of a private key in PEM, also where line breaks are escaped. */
const PRIVATE_KEY =
  /(?:[A-Z0-9]{2,12} ){0,2}PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[nr]){1,8}(?:[A-Za-z-]{3,16}: [^\n\\]{0,128}(?:\n|\\n){1,2}){0,4}([A-Za-z0-9+/=]{40,76})/y;
const PUTTY_BEGIN = 'PuTTY-User-Key-File-';

const SCHEME_END = '://';
/** A user and a password before the host of an address, which is not one of the names for examples. */
const USER_INFO =
  /([^\s:/?#@"'`<>\\]{0,128}):([^\s/?#@"'`<>\\]{5,256})@(?!(?:[\w-]{1,63}\.)?example\.)[\w[]/y;
const SCHEME = /[a-z][a-z\d+.-]{1,20}$/i;

/** Passwords that hide nothing: a variable, a mask, or a word for a password. */
const OPEN_PASSWORD =
  /^(?:[$%{].{0,256}|[*x]{1,256}|pass|passwd|password|pw|pwd|secret|token|test|user|root|admin|postgres|guest|changeme)$/i;

/** @returns the place of each occurrence of a text */
export function* placesOf(text: string, part: string): Generator<number> {
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) yield at;
}

function matchAt(text: string, expression: RegExp, at: number): RegExpExecArray | null {
  expression.lastIndex = at;
  return expression.exec(text);
}

/** @returns private keys, by their first line */
export function* findPrivateKeys(text: string): Generator<Found> {
  for (const at of placesOf(text, PRIVATE_KEY_BEGIN)) {
    const [value, body = ''] = matchAt(text, PRIVATE_KEY, at + PRIVATE_KEY_BEGIN.length) ?? [];
    if (value !== undefined && !isMonotonous(body))
      yield { kind: 'private-key', at, value: PRIVATE_KEY_BEGIN + value, shown: PRIVATE_KEY_BEGIN };
  }
  for (const at of placesOf(text, PUTTY_BEGIN)) {
    const value = text.slice(at, at + PUTTY_BEGIN.length + 1);
    if (/\d$/.test(value)) yield { kind: 'private-key', at, value, shown: PUTTY_BEGIN };
  }
}

/** @returns passwords in addresses */
export function* findPasswordsInUrls(text: string): Generator<Found> {
  for (const at of placesOf(text, SCHEME_END)) {
    const [, user = '', password] = matchAt(text, USER_INFO, at + SCHEME_END.length) ?? [];
    if (password === undefined || !SCHEME.test(text.slice(Math.max(0, at - 21), at))) continue;
    if (password === user || OPEN_PASSWORD.test(password) || isPlaceholder(password)) continue;
    yield { kind: 'url-password', at: at + SCHEME_END.length + user.length + 1, value: password, shown: '' };
  }
}
