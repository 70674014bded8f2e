import { hmac } from '@noble/hashes/hmac.js';
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
  /** SHA-256, or HMAC-SHA-256 where the row has a salt. */
  content_sha256: string;
  /** Of the second form, as the fields below. */
  algorithm?: string | undefined;
  author?: string | undefined;
  to?: readonly string[] | undefined;
  salt?: string | undefined;
  tags_hmac?: string | undefined;
  hash: string;
}

/** Length in bytes, a colon, the text, a comma: no text can pass for the end of its field. */
const netstring = (text: string): string => `${utf8ToBytes(text).length}:${text},`;

const netstrings = (texts: readonly string[]): string => texts.map(netstring).join('');

const HASH = /^[0-9a-f]{64}$/;

/** A text and the salt of its row, which rows of the first form do not have. */
export interface SaltedText {
  text: string;
  salt: string | undefined;
}

const hashText = ({ text, salt }: SaltedText): string =>
  bytesToHex(
    salt === undefined ? sha256(utf8ToBytes(text)) : hmac(sha256, hexToBytes(salt), utf8ToBytes(text)),
  );

/** The fields after the writer in the form of a row; undefined for a row of no known form. */
function restOf({ created_at, tags, content_sha256, ...row }: ProofRow): string[] | undefined {
  const { algorithm, author, to, salt, tags_hmac = '' } = row;
  if (algorithm === undefined) {
    const isFirst = HASH.test(content_sha256) && author === undefined && salt === undefined;
    return isFirst ? ['vault-relay/1', created_at, netstrings(tags), content_sha256] : undefined;
  }
  if (algorithm !== 'vault-relay/2' || author === undefined || !to) return undefined;
  if (salt === undefined || !/^[0-9a-f]{32}$/.test(salt) || !HASH.test(content_sha256)) return undefined;
  if (hashText({ text: netstrings(tags), salt }) !== tags_hmac) return undefined;
  return [algorithm, author, netstrings(to), created_at, tags_hmac, content_sha256];
}

/** Hashes a row over the one before it, as docs/proof.md says. It is computed here because the server need not be trusted. */
function hashRow(previous: string, vaultId: string, row: ProofRow): string | undefined {
  const { seq, entry_no, version, kind, writer_id } = row;
  const [algorithm, ...rest] = restOf(row) ?? [];
  if (algorithm === undefined) return undefined;
  const place = [algorithm, vaultId, `${seq}`, `${entry_no}`, `${version}`, kind, writer_id];
  const form = netstrings([...place, ...rest]);
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

/** @returns the hash of each text as its row has it, in hexadecimal */
export const hashTexts = (texts: SaltedText[]): string[] => texts.map(hashText);
