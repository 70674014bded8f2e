import { SECOND_FORM } from '../proof/chain.ts';
import type { Access } from './access-sql.ts';
import { portion } from './portion-sql.ts';

/** Bytes of content that one proof makes hashes of, unless its first row alone has more. */
const PROOF_CONTENT_BYTES = 16_777_216;

const PROOF_PLACE = `'seq', seq, 'entry_no', entry_no, 'version', version, 'kind', kind, 'writer_id', writer_id,
    'created_at', wire_time(created_at), 'tags', tags, 'hash', encode(hash, 'hex')`;

const PROOF_ROW = `
  CASE WHEN author IS NULL THEN json_build_object(${PROOF_PLACE},
    'content_sha256', encode(sha256(convert_to(content, 'UTF8')), 'hex'))
  ELSE json_build_object('algorithm', '${SECOND_FORM}', ${PROOF_PLACE}, 'author', author, 'to', addressees,
    'salt', encode(salt, 'hex'), 'tags_hmac', encode(salted_hash(salt, convert_to(netstrings(tags), 'UTF8')), 'hex'),
    'content_sha256', encode(salted_hash(salt, convert_to(content, 'UTF8')), 'hex')) END::text`;

/**
 * `$1` the vault, `$2` work session, `$3` client id, `$4` since, `$5` how many rows, `$6` how many bytes. `previous_hash` is
 * what the first row's hash was made over.
 */
export const readProof = ({ canRead }: Access) => `
  SELECT v.head_seq AS head, encode(v.head_hash, 'hex') AS head_hash, coalesce(v.work_session_id <> $2, false) AS from_outside,
    coalesce((SELECT encode(hash, 'hex') FROM vault_entries WHERE bucket = v.bucket AND vault_id = v.vault_id AND seq <= $4::bigint
      ORDER BY seq DESC LIMIT 1), repeat('0', 64)) AS previous_hash, page.json
  FROM vaults AS v
  CROSS JOIN LATERAL (${portion(
    {
      rows: `SELECT * FROM vault_entries WHERE bucket = v.bucket AND vault_id = v.vault_id AND seq > $4::bigint ORDER BY seq LIMIT $5::bigint + 1`,
      where: 'true',
      order: 'e.seq',
      json: PROOF_ROW,
      weight: 'octet_length(e.content)',
      maxWeight: String(PROOF_CONTENT_BYTES),
      maxRows: '$5::bigint',
      maxBytes: '$6::bigint',
      begun: 'false',
      columns: 'max(seq) AS last',
    },
    false,
  )}) AS page
  WHERE v.bucket = vault_bucket($1) AND v.vault_id = $1 AND ${canRead}`;
