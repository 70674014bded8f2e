import { Lane } from '../compute/lane.ts';
import type { ViewName } from '../vault/load.ts';
import type { Row, View } from '../vault/rows.ts';
import type { ProofRow, SaltedText } from './hash.ts';

/** Fields in which a row that is shown may differ from its row in the chain. */
const FIELDS = ['entry_no', 'version', 'kind', 'writer_id', 'created_at', 'author'] as const;

/** How the shown data differs from the chain. */
export type MisfitKind =
  | 'chain'
  | 'lost'
  | (typeof FIELDS)[number]
  | 'tags'
  | 'content'
  | 'summary'
  | 'missing'
  | 'extra'
  | 'twice';

/** The first row that does not fit. */
export interface Misfit {
  kind: MisfitKind;
  seq: number;
  entry_no: number;
  version: number;
}

/** The summary that the page shows, and the head of the vault when it was read. */
interface ShownSummary {
  summary: string;
  summary_version: number;
  head: number;
}

/** The first hash of every chain. */
const START = { seq: 0, hash: '0'.repeat(64) };

/** How long hashing one portion may take. */
const HASH_MS = 20_000;
/** Texts and characters that are hashed at a time. */
const MAX_TEXTS = 500;
const MAX_CHARACTERS = 2_000_000;

const misfitOf = (kind: MisfitKind, { seq, entry_no, version }: Omit<Misfit, 'kind'>): Misfit => ({
  kind,
  seq,
  entry_no,
  version,
});

const sameTags = (a: readonly string[], b: readonly string[]): boolean =>
  JSON.stringify(a) === JSON.stringify(b);

/** The next rows of a list that are hashed at a time, at least one. */
function takePortion(rows: readonly Row[]): Row[] {
  let characters = 0;
  const end = rows.findIndex(({ content }, index) => {
    characters += content.length;
    return index > 0 && (index === MAX_TEXTS || characters > MAX_CHARACTERS);
  });
  return rows.slice(0, end === -1 ? rows.length : end);
}

/** Verifies in this browser the chain of a vault, and that the shown data matches it. */
export class Verifier {
  readonly #vaultId: string;
  readonly #lane = new Lane();
  readonly #signal: AbortSignal;
  readonly #chain = new Map<number, ProofRow>();
  /** Of each entry the row with the highest version. */
  readonly #newest = new Map<number, ProofRow>();
  readonly #summaries: ProofRow[] = [];
  readonly #checked = new WeakSet<Row>();
  #checkedSummary: string | undefined;
  /** The last row that is verified. */
  verified = START;
  misfit: Misfit | undefined;

  constructor(vaultId: string, signal: AbortSignal) {
    this.#vaultId = vaultId;
    this.#signal = signal;
  }

  #hashTexts(texts: SaltedText[]): Promise<string[] | undefined> {
    return this.#lane.run('hashTexts', [texts], { limitMs: HASH_MS, signal: this.#signal });
  }

  /** Goes on with the chain. @returns whether the rows could be hashed */
  async addChain(rows: ProofRow[]): Promise<boolean> {
    const broken = await this.#lane.run('findBrokenRow', [this.#vaultId, this.verified, rows], {
      limitMs: HASH_MS,
      signal: this.#signal,
    });
    if (broken === undefined) return false;
    for (const row of broken === -1 ? rows : rows.slice(0, broken)) {
      this.#chain.set(row.seq, row);
      // Entry 0 of an adopted vault may have versions of both kinds.
      const newest = this.#newest.get(row.entry_no);
      if (row.kind === 'summary') this.#summaries.push(row);
      else if (!newest || newest.version < row.version) this.#newest.set(row.entry_no, row);
      this.verified = { seq: row.seq, hash: row.hash };
    }
    const bad = rows[broken];
    if (bad) this.misfit = misfitOf('chain', bad);
    return true;
  }

  /** Notes that rows which were verified are no longer there. */
  noteLoss(): void {
    this.misfit = misfitOf('lost', { seq: this.verified.seq, entry_no: 0, version: 0 });
  }

  /** Notes that the chain ends before the row that the vault ends with. */
  noteGap(head: number): void {
    this.misfit = misfitOf('chain', { seq: head, entry_no: 0, version: 0 });
  }

  /** Holds rows that are shown against the chain. @returns whether all of them could be hashed */
  async checkRows(rows: readonly Row[]): Promise<boolean> {
    let open = rows.filter((row) => row.seq <= this.verified.seq && !this.#checked.has(row));
    while (open.length > 0 && !this.misfit) {
      const portion = takePortion(open);
      open = open.slice(portion.length);
      const hashes = await this.#hashTexts(
        portion.map(({ content, seq }) => ({ text: content, salt: this.#chain.get(seq)?.salt })),
      );
      if (!hashes) return false;
      for (const [index, row] of portion.entries()) {
        const kind = this.#findDifference(row, hashes[index]);
        if (kind) {
          this.misfit ??= misfitOf(kind, row);
          break;
        }
        this.#checked.add(row);
      }
    }
    return true;
  }

  #findDifference(row: Row, hash: string | undefined): MisfitKind | undefined {
    const there = this.#chain.get(row.seq);
    if (!there) return 'extra';
    const field = FIELDS.find((name) => row[name] !== there[name]);
    if (field) return field;
    if (!sameTags(row.tags ?? [], there.tags)) return 'tags';
    return hash === there.content_sha256 ? undefined : 'content';
  }

  /** Checks that a view has every row that it should have, once. Its rows were checked before. */
  checkComplete(view: View, name: ViewName): void {
    const shown = view.entries.filter(({ seq }) => seq <= this.verified.seq);
    const seen = new Set<number>();
    for (const row of shown) {
      if (seen.has(row.seq)) this.misfit ??= misfitOf('twice', row);
      seen.add(row.seq);
    }
    if (view.cut) return;
    const rows = name === 'current' ? this.#newest.values() : this.#chain.values();
    // The page shows an entry's newest version even before it has been verified.
    const ahead = new Set(
      view.entries.filter(({ seq }) => seq > this.verified.seq).map((row) => row.entry_no),
    );
    const isDue = (row: ProofRow): boolean => {
      if (name === 'current') return row.kind === 'content' && !ahead.has(row.entry_no);
      return name === 'history' || name === row.entry_no;
    };
    for (const row of rows) {
      if (isDue(row) && !seen.has(row.seq)) this.misfit ??= misfitOf('missing', row);
    }
  }

  /** Holds the summary that is shown against the chain. A vault of another server may have one without a row. */
  async checkSummary({ summary, summary_version, head }: ShownSummary): Promise<boolean> {
    const row = this.#summaries.findLast(({ seq }) => seq <= head);
    const name = `${head} ${summary_version} ${summary}`;
    if (!row || head > this.verified.seq || name === this.#checkedSummary) return true;
    const hashes = await this.#hashTexts([{ text: summary, salt: row.salt }]);
    if (!hashes) return false;
    if (summary_version === row.version && hashes[0] === row.content_sha256) this.#checkedSummary = name;
    else this.misfit ??= misfitOf('summary', row);
    return true;
  }

  /** Ends what is computed. */
  stop(): void {
    this.#lane.stop();
  }
}
