import { createHash, createHmac } from 'node:crypto';

/** Names the canonical form of rows without an author. */
export const FIRST_FORM = 'vault-relay/1';

/** Names the canonical form of rows with an author, as every new row is. */
export const SECOND_FORM = 'vault-relay/2';

/** What the first row of a vault is chained to: 32 zero bytes. */
export const CHAIN_START = '0'.repeat(64);

/** A row as far as its hash goes. */
export interface ChainRow {
  seq: number;
  entry_no: number;
  version: number;
  kind: string;
  writer_id: string;
  /** What the server proved about the writer; null, as `to` and `salt`, in rows of the first form. */
  author: string | null;
  to: readonly string[] | null;
  /** RFC 3339 in UTC with six decimals, as answers have it. */
  created_at: string;
  tags: readonly string[];
  content: string;
  /** 32 hexadecimal digits. */
  salt: string | null;
}

/** `<length in bytes of UTF-8>:<text>,` (D. J. Bernstein's netstrings), so that no text can pass for the end of its field. */
const netstring = (text: string): string => `${Buffer.byteLength(text)}:${text},`;

const netstrings = (texts: readonly string[]): string => texts.map(netstring).join('');

/** @returns the fields of the canonical form that docs/proof.md writes down, in their order */
function fieldsOf(vaultId: string, row: ChainRow): string[] {
  const { author, created_at, content } = row;
  const place = [vaultId, row.seq, row.entry_no, row.version, row.kind, row.writer_id].map(String);
  const tags = netstrings(row.tags);
  if (author === null) {
    return [FIRST_FORM, ...place, created_at, tags, createHash('sha256').update(content).digest('hex')];
  }
  const salt = Buffer.from(row.salt ?? '', 'hex');
  const salted = (text: string) => createHmac('sha256', salt).update(text).digest('hex');
  return [SECOND_FORM, ...place, author, netstrings(row.to ?? []), created_at, salted(tags), salted(content)];
}

/**
 * The hash of a row: SHA-256 over the 32 bytes of the hash before it and the row's canonical form, which docs/proof.md
 * writes down with test vectors.
 * @param previous 64 hexadecimal digits @returns 64 hexadecimal digits
 */
export const hashRow = (previous: string, vaultId: string, row: ChainRow): string =>
  createHash('sha256')
    .update(Buffer.from(previous, 'hex'))
    .update(netstrings(fieldsOf(vaultId, row)))
    .digest('hex');
