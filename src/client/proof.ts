import type { inferRouterOutputs } from '@trpc/server';
import type { AppRouter } from '../router.ts';
import {
  FIRST_FORM,
  hasContent,
  hashRow,
  hasItsTags,
  isComplete,
  type Proof,
  type ProofRow,
} from './row-hash.ts';

/** A part of a vault's chain, as `GET /api/vault/<id>/proof` and `vault.proof` answer it. */
export type { Proof };

/** A row as `GET /api/vault/<id>` and `vault.read` show it. */
export type Entry = inferRouterOutputs<AppRouter>['vault']['read'][number];

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
  /** Rows as they were read, also none: each must stand in the chain, once, with just what the chain says of it. */
  entries?: readonly Entry[];
  /**
   * What the read was to show, so that a row that it left out is found. If left out, the rows themselves tell: `all` when
   * one is of the summary, `history` when there are two versions of one entry, else `current`; with `after: 'anywhere'`
   * it is `some`. A server that holds rows back may make one read look like another, so say what you asked for.
   */
  view?: ProvedView;
}

/** Rows of both kinds; every version of content; the highest version of each entry; or just some rows. */
export type ProvedView = 'all' | 'history' | 'current' | 'some';

/** What a chain came to. */
export interface VerifiedChain {
  /** How many rows were checked. */
  rows: number;
  /** The last of them: worth remembering, for `after` and `head` of a later check. */
  head: Head;
}

const sameTags = (a: readonly string[], b: readonly string[]) => JSON.stringify(a) === JSON.stringify(b);

/** @returns the first field of an entry that its row in the chain does not have, or undefined */
async function findDifference(entry: Entry, row: ProofRow): Promise<string | undefined> {
  for (const field of ['entry_no', 'version', 'kind', 'writer_id', 'created_at'] as const) {
    if (entry[field] !== row[field]) return field;
  }
  // Only a read with details shows these two.
  for (const field of ['author', 'salt'] as const) {
    if (entry[field] !== undefined && entry[field] !== row[field]) return field;
  }
  if (!sameTags(entry.tags ?? [], row.tags)) return 'tags';
  // A lone surrogate would have the hash of U+FFFD.
  const isText = typeof entry.content === 'string' && !/\p{Surrogate}/u.test(entry.content);
  return isText && (await hasContent(row, entry.content)) ? undefined : 'content';
}

function tellView(entries: readonly Entry[]): ProvedView {
  if (entries.some(({ kind }) => kind === 'summary')) return 'all';
  return new Set(entries.map(({ entry_no }) => entry_no)).size < entries.length ? 'history' : 'current';
}

const FIRST = -1;
/** Rows that were read, and what the chain says of them so far. */
class ReadRows {
  readonly #rows = new Map<number, Entry>();
  readonly #open: Set<number>;
  readonly #view: ProvedView;
  /** By its number, the highest version of an entry that was read: rows of lower ones may follow it in an adopted vault. */
  readonly #shown = new Map<number, number>();
  /** Rows that were left out: by their entry, as a later version may make up for them, or the first of all. */
  readonly #unread = new Map<number, number>();

  /** @throws ProofError for a row that is there twice */
  constructor(entries: readonly Entry[], view: ProvedView) {
    for (const entry of entries) {
      if (this.#rows.has(entry.seq)) throw new ProofError(`Row ${entry.seq} was read twice.`, entry.seq);
      this.#rows.set(entry.seq, entry);
      const { entry_no, version, kind } = entry;
      if (kind === 'content') this.#shown.set(entry_no, Math.max(version, this.#shown.get(entry_no) ?? 0));
    }
    this.#open = new Set(this.#rows.keys());
    this.#view = view;
  }

  /** @returns a row that was read, but that the view does not show */
  #findForeign(): Entry | undefined {
    const view = this.#view;
    if (view !== 'history' && view !== 'current') return undefined;
    const isOld = ({ entry_no, version }: Entry) => version < (this.#shown.get(entry_no) ?? 0);
    return [...this.#rows.values()].find(
      (row) => row.kind !== 'content' || (view === 'current' && isOld(row)),
    );
  }

  /** Holds a row of the chain against what was read. @returns what does not fit */
  async meet(row: ProofRow, head: Head): Promise<string | undefined> {
    const entry = this.#rows.get(row.seq);
    this.#open.delete(row.seq);
    if (entry) {
      // A later version makes up for the ones before it.
      if (row.kind === 'content') this.#unread.delete(row.entry_no);
      const difference = await findDifference(entry, row);
      return difference && `has another ${difference} than the entry`;
    }
    // What was written after the read is not in it.
    if (row.seq > head.seq) return undefined;
    if (this.#view === 'current' && row.version < (this.#shown.get(row.entry_no) ?? 0)) return undefined;
    const isShown = this.#view === 'all' || (this.#view !== 'some' && row.kind === 'content');
    const place = this.#view === 'current' ? row.entry_no : FIRST;
    if (isShown && !(place === FIRST && this.#unread.has(FIRST))) this.#unread.set(place, row.seq);
    return undefined;
  }

  /** @throws ProofError for a row that the chain or the view does not have, or that the read left out */
  finish(): void {
    const [extra] = this.#open;
    if (extra !== undefined) throw new ProofError(`The chain does not contain row ${extra}.`, extra);
    const { seq } = this.#findForeign() ?? {};
    if (seq !== undefined) throw new ProofError(`Row ${seq} does not belong to the view ${this.#view}.`, seq);
    const [missing] = [...this.#unread.values()].sort((a, b) => a - b);
    if (missing !== undefined) throw new ProofError(`The entries do not contain row ${missing}.`, missing);
  }
}

/** What a row is held against. */
interface RowContext {
  last: Head;
  vaultId: string;
  head: Head;
  read: ReadRows;
}

/** @returns what is wrong with a row of the chain, or undefined */
async function judgeRow(
  row: ProofRow,
  { last, vaultId, head, read }: RowContext,
): Promise<string | undefined> {
  if (row.seq <= last.seq) return `comes after row ${last.seq}`;
  if (!isComplete(row)) return 'is of no form that this client knows';
  if ((await hashRow(last.hash, vaultId, row)) !== row.hash) return 'does not have the hash of its fields';
  if (!(await hasItsTags(row))) return 'has another salt or other tags than its hash';
  if (row.seq === head.seq && row.hash !== head.hash) return 'has the number of the head, but another hash';
  return read.meet(row, head);
}

/** @throws ProofError for a page that does not go on where the one before ended */
function checkPage({ vault_id, algorithm, previous_hash }: Proof, vaultId: string, last: Head): void {
  if (vault_id === vaultId && algorithm === FIRST_FORM && previous_hash === last.hash) return;
  throw new ProofError(`A page does not continue after row ${last.seq} of ${vaultId}.`);
}

/**
 * Checks a vault, or single rows of it, with nothing but answers of the server: that every row is chained to the one
 * before it, that the chain contains `head`, and that `entries` are what the chain says: every row that was to be read,
 * once, with the same number, version, kind, writer, time, tags and content. Needs WebCrypto, as Node.js and the pages of
 * browsers over HTTPS have it. docs/proof.md says what that proves and what it does not.
 * @throws ProofError for the first thing that does not fit
 */
export async function verifyProof(options: VerifyProofOptions): Promise<VerifiedChain> {
  const { pages, head, after = CHAIN_START, entries } = options;
  const { view = after === 'anywhere' || !entries ? 'some' : tellView(entries) } = options;
  const read = new ReadRows(entries ?? [], view);
  let last = after === 'anywhere' ? undefined : after;
  let foundHead = last?.seq === head.seq && last.hash === head.hash;
  let vaultId: string | undefined;
  let rows = 0;
  for await (const page of 'rows' in pages ? [pages] : pages) {
    vaultId ??= page.vault_id;
    last ??= { seq: 0, hash: page.previous_hash };
    checkPage(page, vaultId, last);
    for (const row of page.rows) {
      const problem = await judgeRow(row, { last, vaultId, head, read });
      if (problem !== undefined) throw new ProofError(`Row ${row.seq} ${problem}.`, row.seq);
      foundHead ||= row.seq === head.seq;
      last = { seq: row.seq, hash: row.hash };
      rows++;
    }
  }
  if (!foundHead) throw new ProofError(`The chain does not contain row ${head.seq}.`, head.seq);
  read.finish();
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
