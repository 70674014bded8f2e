import { expect, test } from 'vitest';
import { statementName } from '../../src/db/statement-name.ts';
import { READS } from '../../src/vault/read/sql.ts';
import * as otherStatements from '../../src/vault/sql.ts';

const statements = [
  ...[READS.caller, READS.operator, otherStatements].flatMap((all) => Object.values<string>(all)),
];

test('a statement has one name, whenever it is asked for', () => {
  expect(statementName('SELECT 1')).toBe(statementName('SELECT 1'));
  expect(statementName(`SELECT ${1}`)).toBe(statementName('SELECT 1'));
});

test('statements of another text have another name', () => {
  const texts = [...statements, 'SELECT 1', 'SELECT 1 ', 'select 1', ''];
  expect(new Set(texts.map(statementName)).size).toBe(texts.length);
});

test('a name fits what PostgreSQL keeps of one, which is 63 bytes', () => {
  expect(statementName('SELECT 1'.repeat(1000))).toMatch(/^vr_[\w-]{20}$/);
});
