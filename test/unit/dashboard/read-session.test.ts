import { expect, test } from 'vitest';
import { readUserAgent } from '../../../src/dashboard/sign-in/browser-name.ts';
import { isKey, readSession } from '../../../src/dashboard/sign-in/read-session.ts';

const SESSION = '0b7c1ab2-93f4-4c4e-8a53-0f3e6d1c2b9a';

const FORMS: [name: string, write: (session: string) => string][] = [
  ['as the command prints it', (session) => `session_id: ${session}`],
  ['with a line after it', (session) => `session_id: ${session}\ntoken: 00ff\n`],
  ['as JSON of one line', (session) => JSON.stringify({ session_id: session, token: 'ff' })],
  [
    'as JSON of several lines',
    (session) => JSON.stringify({ sessions: { a: { session_id: session } } }, null, 2),
  ],
  ['in quotes', (session) => `"${session}"`],
  ['in quotes of a chat', (session) => `“${session}”,`],
  ['in upper case', (session) => session.toUpperCase()],
  ['as a header', (session) => `Authorization: session ${session}`],
  ['as a bearer token', (session) => `Bearer ${session}`],
  ['as a variable', (session) => `export S='${session}'`],
  ['with blanks around it', (session) => `  ${session} \n`],
];

test.each(FORMS)('D16: the field for a session takes it %s', (_, write) => {
  const pasted = write(SESSION);
  expect(readSession(pasted)).toBe(SESSION);
  // A field of one line joins the lines of what is typed.
  expect(readSession(pasted.replaceAll('\n', ' '))).toBe(SESSION);
});

const KEY = 'vr_4k9x2m0q7d1z_1WxnRvWu1XBeqTSbrSE60AjkYEBEtym7R2EVvJC';

test.each([
  ['alone', (key: string) => key],
  ['as JSON', (key: string) => JSON.stringify({ key, id: '4k9x2m0q7d1z' }, null, 2)],
  ['as a header', (key: string) => `Authorization: Bearer ${key}`],
  ['as a variable', (key: string) => `export KEY='${key}'`],
  ['in a sentence', (key: string) => `Here is the key: “${key}”.`],
])('the field for a session takes a key %s', (_, write) => {
  const read = readSession(write(KEY));
  expect(read).toBe(KEY);
  expect(isKey(read)).toBe(true);
});

test('a session id and the secret of a cookie are no keys', () => {
  expect(isKey(readSession(SESSION))).toBe(false);
  expect(isKey(readSession('vrp_0123456789'))).toBe(false);
});

test.each([
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15',
    { browser: 'Safari', system: 'macOS' },
  ],
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0',
    { browser: 'Edge', system: 'Windows' },
  ],
  [
    'Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36',
    { browser: 'Chrome', system: 'Android' },
  ],
  [
    'Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0',
    { browser: 'Firefox', system: 'Linux' },
  ],
  ['curl/8.5.0', { browser: undefined, system: undefined }],
])('%s names a browser that a person knows', (userAgent, expected) => {
  expect(readUserAgent(userAgent)).toEqual(expected);
});
