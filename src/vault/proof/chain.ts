import { createHash } from 'node:crypto';

/** Names the canonical form below; another form would be `vault-relay/2`. */
export const CHAIN_ALGORITHM = 'vault-relay/1';

/** What the first row of a vault is chained to: 32 zero bytes. */
export const CHAIN_START = '0'.repeat(64);

/** A row as far as its hash goes. */
export interface ChainRow {
  seq: number;
  entry_no: number;
  version: number;
  kind: string;
  writer_id: string;
  /** RFC 3339 in UTC with six decimals, as answers have it. */
  created_at: string;
  tags: readonly string[];
  /** 64 hexadecimal digits in lower case. */
  content_sha256: string;
}

/** `<length in bytes of UTF-8>:<text>,` (D. J. Bernstein's netstrings), so that no text can pass for the end of its field. */
const netstring = (text: string): string => `${Buffer.byteLength(text)}:${text},`;

/** SHA-256 of a text's UTF-8, as 64 hexadecimal digits. */
export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * The hash of a row: SHA-256 over the 32 bytes of the hash before it and the row's canonical form, which docs/proof.md
 * writes down with test vectors.
 * @param previous 64 hexadecimal digits @returns 64 hexadecimal digits
 */
export function hashRow(previous: string, vaultId: string, row: ChainRow): string {
  const fields = [
    CHAIN_ALGORITHM,
    vaultId,
    String(row.seq),
    String(row.entry_no),
    String(row.version),
    row.kind,
    row.writer_id,
    row.created_at,
    row.tags.map(netstring).join(''),
    row.content_sha256,
  ];
  return createHash('sha256')
    .update(Buffer.from(previous, 'hex'))
    .update(fields.map(netstring).join(''))
    .digest('hex');
}
