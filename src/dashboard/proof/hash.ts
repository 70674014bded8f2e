import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';

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

/** Hashes a row over the one before it, as `vault-relay/1` says. It is computed here because the server need not be trusted. */
function hashRow(previous: string, vaultId: string, row: ProofRow): string {
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

/** @returns the first of some rows that is not chained to the one before it, or does not come after it; -1: all are */
export function findBrokenRow(
  vaultId: string,
  from: { seq: number; hash: string },
  rows: ProofRow[],
): number {
  return rows.findIndex((row, index) => {
    const { seq, hash } = rows[index - 1] ?? from;
    return row.seq <= seq || row.hash !== hashRow(hash, vaultId, row);
  });
}

/** @returns the SHA-256 of each text, in hexadecimal */
export const hashTexts = (texts: string[]): string[] =>
  texts.map((text) => bytesToHex(sha256(utf8ToBytes(text))));
