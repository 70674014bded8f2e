import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';

/** What the first row of a vault is chained to. */
export const CHAIN_START = '0'.repeat(64);

/** A row of a proof, as the server answers it. */
export interface ProofRow {
  seq: number;
  entry_no: number;
  version: number;
  kind: string;
  writer_id: string;
  created_at: string;
  tags: readonly string[];
  content_sha256: string;
  hash: string;
}

/** Length in bytes, a colon, the text, a comma: no text can pass for the end of its field. */
const netstring = (text: string): string => `${utf8ToBytes(text).length}:${text},`;

const hashText = (text: string): string => bytesToHex(sha256(utf8ToBytes(text)));

/** The hash of a row over the one before it, as `vault-relay/1` says. Computed here, so that the server need not be believed. */
export function hashRow(previous: string, vaultId: string, row: ProofRow): string {
  const { seq, entry_no, version, kind, writer_id, created_at, tags, content_sha256 } = row;
  const fields = [
    'vault-relay/1',
    vaultId,
    `${seq}`,
    `${entry_no}`,
    `${version}`,
    kind,
    writer_id,
    created_at,
  ];
  const form = [...fields, tags.map(netstring).join(''), content_sha256].map(netstring).join('');
  return bytesToHex(sha256(new Uint8Array([...hexToBytes(previous), ...utf8ToBytes(form)])));
}

/** How far a chain holds. */
export interface Verdict {
  /** The last row that holds, and its hash. */
  seq: number;
  hash: string;
  /** The first row that does not. */
  brokenAt?: number;
}

/**
 * Goes on with a chain from where it was verified before.
 * @param textOf the text that the server shows for a row; undefined when it shows none
 */
export function verifyRows(
  vaultId: string,
  from: Verdict,
  rows: readonly ProofRow[],
  textOf: (seq: number) => string | undefined,
): Verdict {
  let verdict = from;
  for (const row of rows) {
    const text = textOf(row.seq);
    const holds =
      row.hash === hashRow(verdict.hash, vaultId, row) &&
      text !== undefined &&
      hashText(text) === row.content_sha256;
    if (!holds) return { ...verdict, brokenAt: row.seq };
    verdict = { seq: row.seq, hash: row.hash };
  }
  return verdict;
}
