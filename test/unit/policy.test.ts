import { expect, test } from 'vitest';
import { type Caller, canRead, canSetSummary, canWrite } from '../../src/access/policy.ts';

const vault = { workSessionId: 'st-1', writerList: ['ann', 'bob'] };

test.each<[string, Caller, { read: boolean; write: boolean }]>([
  ['a member of the work session', { workSessionId: 'st-1', clientId: 'new' }, { read: true, write: true }],
  ['a writer of the work session', { workSessionId: 'st-1', clientId: 'ann' }, { read: true, write: true }],
  ['a past writer from elsewhere', { workSessionId: 'st-2', clientId: 'bob' }, { read: true, write: false }],
  ['a stranger', { workSessionId: 'st-2', clientId: 'eve' }, { read: false, write: false }],
  ['a name in another case', { workSessionId: 'ST-1', clientId: 'ANN' }, { read: false, write: false }],
  ['a part of a name', { workSessionId: 'st', clientId: 'an' }, { read: false, write: false }],
  ['names the other way round', { workSessionId: 'ann', clientId: 'st-1' }, { read: false, write: false }],
])('%s', (_, caller, { read, write }) => {
  expect(canRead(vault, caller)).toBe(read);
  expect(canWrite(vault, caller)).toBe(write);
  expect(canSetSummary(vault, caller)).toBe(read);
});

test('a vault without entries has no past writer', () => {
  const empty = { workSessionId: 'st-1', writerList: [] };
  expect(canRead(empty, { workSessionId: 'st-2', clientId: '' })).toBe(false);
  expect(canRead(empty, { workSessionId: 'st-1', clientId: '' })).toBe(true);
});
