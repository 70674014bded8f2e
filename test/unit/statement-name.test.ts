import { expect, test } from 'vitest';
import * as vaultAuditSql from '../../src/audit/vault-audit-sql.ts';
import { statementName } from '../../src/db/statement-name.ts';
import { READ_HEADS } from '../../src/vault/follow/head-store.ts';
import { READS } from '../../src/vault/read/sql.ts';
import { WRITE } from '../../src/vault/write/batch-store.ts';
import { CREATE } from '../../src/vault/write/create-store.ts';
import { REMOVE_WRITER } from '../../src/vault/write/store.ts';

const statements = [
  ...[READS.caller, READS.operator, vaultAuditSql].flatMap((all) => Object.values<string>(all)),
  ...[CREATE, READ_HEADS, REMOVE_WRITER, WRITE],
];

test('a statement has one name, whenever it is asked for', () => {
  expect(statementName('SELECT 1')).toBe(statementName('SELECT 1'));
  expect(statementName(`SELECT ${1}`)).toBe(statementName('SELECT 1'));
});

test('statements of another text have another name', () => {
  const texts = [...statements, 'SELECT 1', 'SELECT 1 ', 'select 1', ''];
  expect(new Set(texts.map(statementName)).size).toBe(texts.length);
});

test('a name fits the 63 bytes of PostgreSQL', () => {
  expect(statementName('SELECT 1'.repeat(1000))).toMatch(/^vr_[\w-]{20}$/);
});
