import { createHash } from 'node:crypto';
import { z } from 'zod';
import { toJson } from '../printable.ts';
import { isCanonicalTime, MAX_SEQ, MAX_VERSION } from '../vault/proof/chain-form.ts';

/** Names the lines below; another form would be `vault-relay-export/3`. */
export const FORMAT = 'vault-relay-export/2';

/** The form before rows had authors, which an import still reads. */
const FIRST_FORMAT = 'vault-relay-export/1';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const time = z.string().refine(isCanonicalTime, 'must be a time in UTC with six decimals');
/** PostgreSQL keeps neither. */
const text = z
  .string()
  .refine((value) => !value.includes('\0') && value.isWellFormed(), 'must have no NUL and no lone surrogate');
const whole = z.int().min(0);
const seq = whole.max(MAX_SEQ);
/** An INT of PostgreSQL. */
const number = whole.max(2 ** 31 - 1);

/** The request of an idempotency key, so that a retry stays safe after a move. */
const Key = z.strictObject({ client_id: text, key: text, request_hash: hash });
export type Key = z.output<typeof Key>;

/** Begins a file, and each part of one that was continued. */
const Header = z.strictObject({
  type: z.literal('header'),
  format: z.enum([FIRST_FORMAT, FORMAT]),
  exported_at: time,
  /** The position that this part goes on from; null: it is the first. */
  after: z.string().nullable(),
  /** What was asked for; null: every vault, every work session. */
  vaults: z.array(z.string()).nullable(),
  work_session_id: z.string().nullable(),
  astations: z.boolean(),
  /** Of the first form only; it says nothing about the rows. */
  highest_seq: seq.optional(),
});

const Astation = z.strictObject({
  type: z.literal('astation'),
  position: z.string(),
  astation_id: text,
  public_key: z.string().regex(/^04[0-9a-f]{128}$/),
  registered_at: time,
});

/** A vault; its rows follow, by seq. */
const Vault = z.strictObject({
  type: z.literal('vault'),
  position: z.string(),
  vault_id: text,
  work_session_id: text,
  created_by: text,
  created_at: time,
  /** All writers: more than the column of this name holds. */
  writer_list: z.array(text),
  next_entry_no: number.min(1),
  head: z.strictObject({ seq, hash }),
  creation_key: Key.nullable(),
  /** Its first rows are in the part before; what this line says takes the place of what that one said. */
  continued: z.boolean(),
});

const Row = z.strictObject({
  type: z.literal('row'),
  position: z.string(),
  vault_id: text,
  seq,
  /** Adopted vaults may have entries of any number. */
  entry_no: z.int32(),
  version: number.min(1).max(MAX_VERSION),
  kind: text,
  writer_id: text,
  /** Missing in the first form, and null, as `to` and `salt`, in rows from before they were kept. */
  author: text.nullable().default(null),
  to: z.array(text).nullable().default(null),
  created_at: time,
  tags: z.array(text),
  content: text,
  salt: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .nullable()
    .default(null),
  hash,
  key: Key.nullable(),
});

/** Ends a part that is complete, with how many lines of each it has. */
const End = z.strictObject({ type: z.literal('end'), astations: whole, vaults: whole, rows: whole });

const Line = z.discriminatedUnion('type', [Header, Astation, Vault, Row, End]);
export type Line = z.output<typeof Line>;
export type HeaderLine = z.output<typeof Header>;
export type AstationLine = z.output<typeof Astation>;
export type VaultLine = z.output<typeof Vault>;
export type RowLine = z.output<typeof Row>;

/** Where a line stands, so that an export can go on after it. */
export type Position = { astation: string } | { vault: string; seq: number };

export const writePosition = (position: Position): string =>
  'astation' in position ? `astation:${position.astation}` : `${position.seq}:${position.vault}`;

/** @returns undefined for what no line carries */
export function readPosition(text: string): Position | undefined {
  const [, where = '', id = ''] = /^(astation|\d{1,16}):(.+)$/s.exec(text) ?? [];
  if (id === '') return undefined;
  return where === 'astation' ? { astation: id } : { vault: id, seq: Number(where) };
}

/** Of the rest of a line, so that a byte that changed on the way is noticed in every field. */
const checkOf = (rest: string): string => createHash('sha256').update(rest).digest('hex').slice(0, 16);

/** @returns the line as it stands in the file, with its end */
export function formatLine(line: Line): string {
  const rest = toJson(line).slice(1);
  return `{"check":"${checkOf(rest)}",${rest}\n`;
}

/** @throws Error whose message is a sentence about the line */
export function parseLine(text: string): Line {
  const [start = '', check] = /^\{"check":"([0-9a-f]{16})",/.exec(text) ?? [];
  if (check === undefined) throw new Error('it is not a line of an export, or was cut off');
  const rest = text.slice(start.length);
  if (checkOf(rest) !== check) throw new Error('it was changed after it was exported, or cut off');
  const parsed = Line.safeParse(JSON.parse(`{${rest}`));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`it is not of the format ${FORMAT} (${issue?.path.join('.')}: ${issue?.message})`);
}
