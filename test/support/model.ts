/**
 * The contract of the vaults in its simplest form: lists in memory, one call at a time, no SQL. The server chooses ids,
 * seqs and times. The model receives ids and seqs, and has no times.
 */
export interface ModelCaller {
  workSession: string;
  clientId: string;
}

export interface ModelRow {
  /** 0 until the server's value is known. */
  seq: number;
  entry_no: number;
  version: number;
  kind: 'content' | 'summary';
  writer_id: string;
  content: string;
  tags?: string[];
}

export interface ModelVault {
  vault_id: string;
  workSession: string;
  createdBy: string;
  /** Clients that may read from outside, in the order of their first write. */
  writers: string[];
  /** In the order of the commits. */
  rows: ModelRow[];
  outsideReads: string[];
  /** The write of each idempotency key of each client. */
  keys: Map<string, { request: string; row: ModelRow }>;
}

/** The expected outcome of a call: a value or a refusal. */
export type Outcome<T> =
  | { status: 200; value: T; replayed?: true }
  | { status: 403 | 404 }
  | { status: 409; current?: ModelRow };

export interface ModelWrite {
  op: 'append' | 'override' | 'summary';
  text: string;
  entryNo?: number;
  tags?: string[] | undefined;
  expected?: number | undefined;
  key?: string | undefined;
}

export interface ModelQuery {
  since?: number;
  history?: boolean;
  kind?: 'content' | 'summary' | 'all';
  as_of?: number;
  entry_id?: number;
  q?: string;
  writer?: string;
  tag?: string;
}

export interface ModelListQuery {
  q?: string;
  writer?: string;
  tag?: string;
}

const ok = <T>(value: T): Outcome<T> => ({ status: 200, value });

const oneCharacter = (changed: string, character: string) =>
  [...changed].length === 1 ? changed : character;

/** Folds case letter by letter. The Greek sigma has two lower-case forms. */
export const fold = (text: string): string =>
  [...text]
    .map((character) => oneCharacter(character.toLowerCase(), character))
    .join('')
    .replaceAll('ς', 'σ');

const holds = (text: string, q: string) => fold(text).includes(fold(q));

/** The highest version of each entry, by entry number; the summary is entry 0. */
export function currentOf(rows: readonly ModelRow[]): ModelRow[] {
  const tops = new Map<number, ModelRow>();
  for (const row of rows) tops.set(row.entry_no, row);
  return [...tops.values()].toSorted((a, b) => a.entry_no - b.entry_no);
}

export const headOf = ({ rows }: ModelVault, asOf = Number.POSITIVE_INFINITY): number =>
  rows.findLast(({ seq }) => seq <= asOf)?.seq ?? 0;

const contentOf = (vault: ModelVault) => vault.rows.filter(({ kind }) => kind === 'content');
const summaryOf = (vault: ModelVault) => currentOf(vault.rows)[0];

export class ModelVaults {
  readonly vaults: ModelVault[] = [];
  readonly #creations = new Map<string, { summary: string; vault_id: string }>();

  /**
   * @param made the id of the vault that the server answered with
   * @returns what the answer must have been: another vault's id for a repeat
   */
  create(
    { workSession, clientId }: ModelCaller,
    summary: string,
    { key, made }: { key?: string | undefined; made: string },
  ): Outcome<{ vault_id: string }> {
    const creation = JSON.stringify([workSession, clientId, key]);
    const known = key === undefined ? undefined : this.#creations.get(creation);
    if (known && known.summary !== summary) return { status: 409 };
    if (known) return { status: 200, value: { vault_id: known.vault_id }, replayed: true };
    if (key !== undefined) this.#creations.set(creation, { summary, vault_id: made });
    const rows: ModelRow[] = [
      { seq: 1, entry_no: 0, version: 1, kind: 'summary', writer_id: clientId, content: summary },
    ];
    const vault = { vault_id: made, workSession, createdBy: clientId, rows };
    this.vaults.push({ ...vault, writers: [], outsideReads: [], keys: new Map() });
    return ok({ vault_id: made });
  }

  /** Every matching vault with its details, oldest first. */
  list(caller: ModelCaller, { q, writer, tag }: ModelListQuery = {}) {
    const fits = (vault: ModelVault) => {
      const current = currentOf(contentOf(vault));
      const inSummary = q !== undefined && tag === undefined && holds(summaryOf(vault)?.content ?? '', q);
      const inEntries = current.some(
        ({ content, tags }) =>
          (q === undefined || holds(content, q)) && (tag === undefined || tags?.includes(tag)),
      );
      return (
        // Vaults of other work sessions are not searched.
        ([q, writer, tag].every((option) => option === undefined) || this.#canWrite(vault, caller)) &&
        ((q === undefined && tag === undefined) || inSummary || inEntries) &&
        (writer === undefined || contentOf(vault).some(({ writer_id }) => writer_id === writer))
      );
    };
    const listed = this.vaults.filter((vault) => this.#canRead(vault, caller) && fits(vault));
    for (const vault of listed) this.#noteOutsideRead(vault, caller);
    return listed.map((vault) => ({
      vault_id: vault.vault_id,
      summary: summaryOf(vault)?.content,
      entries: currentOf(contentOf(vault)).length,
      writers: vault.writers,
      head: headOf(vault),
      summary_version: summaryOf(vault)?.version,
    }));
  }

  /** The rows and the head that a read returns. */
  read(
    caller: ModelCaller,
    vaultId: string,
    {
      since = 0,
      history = false,
      kind = 'content',
      as_of: asOf,
      entry_id: entryId,
      q,
      writer,
      tag,
    }: ModelQuery,
  ): Outcome<{ rows: ModelRow[]; head: number }> {
    return this.#with(vaultId, caller, this.#canRead, (vault) => {
      this.#noteOutsideRead(vault, caller);
      const then = vault.rows.filter(({ seq }) => asOf === undefined || seq <= asOf);
      const rows = (history ? then : currentOf(then)).filter(
        (row) =>
          row.seq > since &&
          (kind === 'all' || row.kind === kind) &&
          (entryId === undefined || row.entry_no === entryId) &&
          (q === undefined || holds(row.content, q)) &&
          (writer === undefined || row.writer_id === writer) &&
          (tag === undefined || row.tags?.includes(tag)),
      );
      return ok({ rows, head: headOf(vault, asOf) });
    });
  }

  meta(caller: ModelCaller, vaultId: string) {
    return this.#with(vaultId, caller, this.#canRead, (vault) => {
      const content = contentOf(vault);
      // The last writer comes first.
      const writers = [...new Set(content.toReversed().map(({ writer_id }) => writer_id))];
      // The read itself is recorded only after its answer.
      const outsideReads = vault.outsideReads.toReversed().slice(0, 100);
      this.#noteOutsideRead(vault, caller);
      return ok({
        vault_id: vaultId,
        summary: summaryOf(vault)?.content,
        summary_version: summaryOf(vault)?.version,
        work_session_id: vault.workSession,
        created_by: vault.createdBy,
        entries: currentOf(content).length,
        versions: content.length,
        head: headOf(vault),
        writer_count: writers.length,
        writers: writers.map((client_id) => ({
          client_id,
          writes: content.filter(({ writer_id }) => writer_id === client_id).length,
          last_seq: content.findLast(({ writer_id }) => writer_id === client_id)?.seq ?? 0,
          in_writer_list: vault.writers.includes(client_id),
        })),
        outside_reads: outsideReads.map((client_id) => ({ client_id })),
      });
    });
  }

  /** @returns the written row, or the earlier row of the key */
  write(caller: ModelCaller, vaultId: string, write: ModelWrite): Outcome<ModelRow> {
    const allowed = write.op === 'summary' ? this.#canRead : this.#canWrite;
    return this.#with(vaultId, caller, allowed, (vault) => {
      const request = JSON.stringify([write.op, write.entryNo, write.text, write.tags, write.expected]);
      const known = vault.keys.get(keyOf(caller, write));
      if (known) {
        return known.request === request
          ? { status: 200, value: known.row, replayed: true }
          : { status: 409 };
      }
      const entryNo = write.op === 'summary' ? 0 : write.entryNo;
      const before = vault.rows.findLast(({ entry_no }) => entry_no === entryNo);
      if (write.op === 'override' && (before === undefined || before.kind === 'summary'))
        return { status: 404 };
      if (before && write.expected !== undefined && before.version !== write.expected) {
        if (write.op === 'summary') this.#noteOutsideRead(vault, caller);
        return { status: 409, current: before };
      }
      const row = this.#put(caller, vault, { write, before });
      if (write.key !== undefined) vault.keys.set(keyOf(caller, write), { request, row });
      return ok(row);
    });
  }

  removeWriter(caller: ModelCaller, vaultId: string, clientId: string): Outcome<{ removed: boolean }> {
    return this.#with(vaultId, caller, this.#canWrite, (vault) => {
      const removed = vault.writers.includes(clientId);
      vault.writers = vault.writers.filter((one) => one !== clientId);
      return ok({ removed });
    });
  }

  #put(
    { clientId }: ModelCaller,
    vault: ModelVault,
    { write, before }: { write: ModelWrite; before: ModelRow | undefined },
  ): ModelRow {
    const isSummary = write.op === 'summary';
    const tags = write.tags ?? before?.tags ?? [];
    const row: ModelRow = {
      seq: headOf(vault) + 1,
      entry_no: before?.entry_no ?? currentOf(contentOf(vault)).length + 1,
      version: (before?.version ?? 0) + 1,
      kind: isSummary ? 'summary' : 'content',
      writer_id: clientId,
      content: write.text,
      ...(tags.length > 0 && { tags }),
    };
    vault.rows.push(row);
    if (!isSummary && !vault.writers.includes(clientId)) vault.writers.push(clientId);
    return row;
  }

  #noteOutsideRead(vault: ModelVault, caller: ModelCaller): void {
    if (!this.#canWrite(vault, caller)) vault.outsideReads.push(caller.clientId);
  }

  #canWrite = (vault: ModelVault, caller: ModelCaller) => vault.workSession === caller.workSession;
  #canRead = (vault: ModelVault, caller: ModelCaller) =>
    this.#canWrite(vault, caller) || vault.writers.includes(caller.clientId);

  #with<T>(
    vaultId: string,
    caller: ModelCaller,
    allowed: (vault: ModelVault, caller: ModelCaller) => boolean,
    work: (vault: ModelVault) => Outcome<T>,
  ): Outcome<T> {
    const vault = this.vaults.find(({ vault_id }) => vault_id === vaultId);
    if (!vault) return { status: 404 };
    return allowed(vault, caller) ? work(vault) : { status: 403 };
  }
}

/** Calls without a key use a key that no call can send. */
const keyOf = ({ clientId }: ModelCaller, { key }: ModelWrite) =>
  key === undefined ? '' : JSON.stringify([clientId, key]);
