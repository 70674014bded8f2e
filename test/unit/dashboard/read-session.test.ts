import { expect, test } from 'vitest';
import { readSession } from '../../../src/dashboard/sign-in/read-session.ts';

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
