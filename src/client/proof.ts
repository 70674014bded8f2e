import type { inferRouterOutputs } from '@trpc/server';
import type { AppRouter } from '../api/router.ts';

type VaultOutputs = inferRouterOutputs<AppRouter>['vault'];

/** A part of a vault's chain, as `GET /api/vault/<id>/proof` and `vault.proof` answer it. */
export type Proof = VaultOutputs['proof'];

type ProofRow = Proof['rows'][number];

/** A row as `GET /api/vault/<id>` and `vault.read` show it. */
export type Entry = VaultOutputs['read'][number];

/** The last row of a vault at some time: `X-Vault-Head` and `X-Vault-Head-Hash`, or `head` and `head_hash`. */
export interface Head {
  seq: number;
  /** 64 hexadecimal digits. */
  hash: string;
}

/** Where every chain begins, before its first row. */
export const CHAIN_START: Head = { seq: 0, hash: '0'.repeat(64) };

/** Rows that do not prove what they should. The message names the first that does not fit, and how. */
export class ProofError extends Error {
  override readonly name = 'ProofError';
  /** Undefined when no single row is to blame. */
  readonly seq: number | undefined;

  constructor(message: string, seq?: number) {
    super(message);
    this.seq = seq;
  }
}

export interface VerifyProofOptions {
  /** The chain in one piece or in pages, each with the last `seq` of the one before as its `since`. */
  pages: Proof | Iterable<Proof> | AsyncIterable<Proof>;
  /** The head that the chain must contain: from a read, or remembered from an earlier one. */
  head: Head;
  /**
   * Where it must begin. If left out, at the start of the vault. A head that was verified before saves reading the
   * chain up to it again; `anywhere` is enough to check rows against `head`.
   */
  after?: Head | 'anywhere';
  /** Rows that must stand in the chain with just this content. */
  entries?: readonly Entry[];
}

/** What a chain came to. */
export interface VerifiedChain {
  /** How many rows were checked. */
  rows: number;
  /** The last of them: worth remembering, for `after` and `head` of a later check. */
  head: Head;
}

const ALGORITHM = 'vault-relay/1';

const utf8 = new TextEncoder();

const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

const fromHex = (hex: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));

const sha256 = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
  toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));

const netstring = (text: string): string => `${utf8.encode(text).length}:${text},`;

/** @returns the hash that the row must have after `previous` */
function hashRow(previous: string, vaultId: string, row: ProofRow): Promise<string> {
  const fields = [
    ALGORITHM,
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
  const form = utf8.encode(fields.map(netstring).join(''));
  const hashed = new Uint8Array(32 + form.length);
  hashed.set(fromHex(previous));
  hashed.set(form, 32);
  return sha256(hashed);
}

const sameTags = (a: readonly string[], b: readonly string[]) => JSON.stringify(a) === JSON.stringify(b);

/** @returns the first field of an entry that its row in the chain does not have, or undefined */
async function findDifference(entry: Entry, row: ProofRow): Promise<string | undefined> {
  for (const field of ['entry_no', 'version', 'kind', 'writer_id', 'created_at'] as const) {
    if (entry[field] !== row[field]) return field;
  }
  if (!sameTags(entry.tags ?? [], row.tags)) return 'tags';
  return (await sha256(utf8.encode(entry.content))) === row.content_sha256 ? undefined : 'content';
}

/** What a row is held against. */
interface RowContext {
  last: Head;
  vaultId: string;
  head: Head;
  entry: Entry | undefined;
}

/** @returns what is wrong with a row of the chain, or undefined */
async function judgeRow(
  row: ProofRow,
  { last, vaultId, head, entry }: RowContext,
): Promise<string | undefined> {
  if (row.seq <= last.seq) return `stands after row ${last.seq}`;
  if ((await hashRow(last.hash, vaultId, row)) !== row.hash) return 'does not have the hash of what it holds';
  if (row.seq === head.seq && row.hash !== head.hash) return 'is the head by its number, but not by its hash';
  const difference = entry && (await findDifference(entry, row));
  return difference && `has another ${difference} than the entry`;
}

/**
 * Checks a vault, or single rows of it, with nothing but answers of the server: that every row is chained to the one
 * before it, that the chain contains `head`, and that `entries` stand in it. Needs WebCrypto, as Node.js and the pages of
 * browsers over HTTPS have it. docs/proof.md says what that proves and what it does not.
 * @throws ProofError for the first thing that does not fit
 */
export async function verifyProof(options: VerifyProofOptions): Promise<VerifiedChain> {
  const { pages, head, after = CHAIN_START, entries = [] } = options;
  const wanted = new Map(entries.map((entry) => [entry.seq, entry]));
  let last = after === 'anywhere' ? undefined : after;
  let foundHead = last?.seq === head.seq && last.hash === head.hash;
  let vaultId: string | undefined;
  let rows = 0;
  for await (const page of 'rows' in pages ? [pages] : pages) {
    vaultId ??= page.vault_id;
    last ??= { seq: 0, hash: page.previous_hash };
    if (page.vault_id !== vaultId || page.algorithm !== ALGORITHM || page.previous_hash !== last.hash) {
      throw new ProofError(`A page does not go on where row ${last.seq} of ${vaultId} ended.`);
    }
    for (const row of page.rows) {
      const problem = await judgeRow(row, { last, vaultId, head, entry: wanted.get(row.seq) });
      if (problem !== undefined) throw new ProofError(`Row ${row.seq} ${problem}.`, row.seq);
      wanted.delete(row.seq);
      foundHead ||= row.seq === head.seq;
      last = { seq: row.seq, hash: row.hash };
      rows++;
    }
  }
  const [missing] = foundHead ? wanted.keys() : [head.seq];
  if (missing !== undefined) throw new ProofError(`The chain does not contain row ${missing}.`, missing);
  return { rows, head: last ?? CHAIN_START };
}

/**
 * Reads the chain of a vault in pages, for `verifyProof`, up to where the vault stood at the first of them or beyond.
 * @param read asks for the rows after `since`, such as `(since) => client.vault.proof.query({ vault_id, since })`
 * @param since where to begin: just before a row to check that row
 */
export async function* readProof(
  read: (since: number) => Promise<Proof>,
  since = 0,
): AsyncGenerator<Proof, void> {
  for (;;) {
    const page = await read(since);
    yield page;
    const last = page.rows.at(-1);
    if (!last || last.seq >= page.head.seq) return;
    since = last.seq;
  }
}
