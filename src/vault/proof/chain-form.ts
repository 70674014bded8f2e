import type { StoredRow, VaultRecord } from './chain-check.ts';

/** The highest number of a row that leaves a vault room to go on: JSON carries 2^53 - 1, and each write adds one. */
export const MAX_SEQ = 2 ** 53 - 2 ** 32;

/** The same for a version, which PostgreSQL keeps as an INT. */
export const MAX_VERSION = 2 ** 31 - 2 ** 16;

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

/** @returns whether this is a time as answers and hashes have it, and one that the calendar has */
export const isCanonicalTime = (text: unknown): boolean =>
  typeof text === 'string' &&
  TIME.test(text) &&
  !Number.isNaN(Date.parse(text)) &&
  new Date(text).toISOString().startsWith(text.slice(0, 23));

const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

const isNumber = (value: unknown, min: number, max: number): boolean =>
  Number.isInteger(value) && Number(value) >= min && Number(value) <= max;

const isHex = (value: unknown, bytes: number): boolean =>
  typeof value === 'string' && value.length === 2 * bytes && /^[0-9a-f]+$/.test(value);

type Rule<T> = [field: keyof T & string, holds: (value: unknown) => boolean, must: string];

const isText = (value: unknown): boolean => typeof value === 'string';

const ROW_RULES: Rule<StoredRow>[] = [
  ['seq', (value) => isNumber(value, Number.MIN_SAFE_INTEGER, MAX_SEQ), `must be at most ${MAX_SEQ}`],
  ['entry_no', (value) => isNumber(value, -(2 ** 31), 2 ** 31 - 1), 'must be an INT of PostgreSQL'],
  ['version', (value) => isNumber(value, 1, MAX_VERSION), `must be from 1 to ${MAX_VERSION}`],
  ['kind', isText, 'must be a text'],
  ['writer_id', isText, 'must be a text'],
  ['created_at', isCanonicalTime, 'must be a time from year 1 to 9999'],
  ['tags', isTexts, 'must be a list of texts'],
  ['content', isText, 'must be a text'],
  ['hash', (value) => isHex(value, 32), 'must be 32 bytes'],
  ['author', (value) => value === null || isText(value), 'must be a text'],
];

const VAULT_RULES: Rule<VaultRecord>[] = [
  ['created_by', isText, 'must be a text'],
  ['writer_list', isTexts, 'must be a list of texts'],
];

function judge<T>(record: T, rules: Rule<T>[]): string | undefined {
  const broken = rules.find(([field, holds]) => !holds(record[field]));
  return broken && `its ${broken[0]} is ${quote(record[broken[0]])}, but ${broken[2]}`;
}

/** Beside an author stand addressees and a salt; beside none, neither. */
const SALTED_RULES: Rule<StoredRow>[] = [
  ['to', isTexts, 'must be a list of texts beside an author'],
  ['salt', (value) => isHex(value, 16), 'must be 16 bytes beside an author'],
];
const PLAIN_RULES: Rule<StoredRow>[] = [
  ['to', (value) => value === null, 'must be missing without an author'],
  ['salt', (value) => value === null, 'must be missing without an author'],
];

/** @returns what is wrong with a row by itself, before it is compared with others; undefined for nothing */
export const judgeRow = (row: StoredRow): string | undefined =>
  judge(row, ROW_RULES) ?? judge(row, row.author === null ? PLAIN_RULES : SALTED_RULES);

/** @returns what is wrong with a vault's record by itself, or undefined */
export const judgeVault = (vault: VaultRecord): string | undefined => judge(vault, VAULT_RULES);

const MAX_QUOTED = 200;

/** @returns a value as JSON for a sentence, cut where it is long */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? 'missing';
  return text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
}
