import type { Database } from '../db/client.ts';
import { toSafeNumber } from '../db/numbers.ts';
import { RelayError, unauthorized } from '../errors.ts';
import { auditColumns, originOf } from './audit.ts';
import { Batcher } from './batcher.ts';
import { CHAIN_ALGORITHM } from './chain.ts';
import type { VaultFeed } from './feed.ts';
import { readListCursor, readReadCursor, writeListCursor, writeReadCursor } from './paging.ts';
import {
  type Caller,
  canRead,
  canRemoveWriter,
  isOperator,
  type Reader,
  type VaultAccess,
} from './policy.ts';
import { READS } from './read-sql.ts';
import { foreignVault, noVault, readOnlyVault } from './refusals.ts';
import type { Proof, VaultEntry, VaultListItem, VaultMeta } from './schema.ts';
import { SharedReads } from './shared-reads.ts';
import {
  EXPLAIN_REFUSAL,
  NOTE_OPERATOR_READ,
  NOTE_OUTSIDE_READ,
  NOTE_REFUSALS,
  READ_HEADS,
  REMOVE_WRITER,
} from './sql.ts';
import { VaultWaiters, type WaitEnd } from './waiters.ts';
import { VaultWriter, type Write, type WriteRules, type Written } from './write-store.ts';

export interface ListOptions {
  /** Only vaults whose summary or current entries hold this text, in any case. */
  q?: string | undefined;
  /** Only vaults that this client wrote into. */
  writer?: string | undefined;
  /** Only vaults with a current entry of this tag. */
  tag?: string | undefined;
  details?: boolean | undefined;
  limit?: number | undefined;
  cursor?: string | undefined;
}

export interface VaultListPage {
  vaults: VaultListItem[];
  nextCursor: string | null;
}

export interface ReadOptions {
  /** Only rows with a greater seq. */
  since?: number | undefined;
  /** Every version, by seq, instead of the highest of each entry, by entry number. */
  history?: boolean | undefined;
  kind?: 'content' | 'summary' | 'all' | undefined;
  /** The view as it was when this was the head. */
  as_of?: number | undefined;
  /** Only rows that hold this text, in any case. */
  q?: string | undefined;
  writer?: string | undefined;
  tag?: string | undefined;
  limit?: number | undefined;
  cursor?: string | undefined;
  /** The head that the reader has seen: while it still is the head, the entries are left out. */
  known_head?: number | undefined;
  /** Seconds to wait for something to show. */
  wait?: number | undefined;
  /** Whoever waits is gone. */
  signal?: AbortSignal | undefined;
}

export interface VaultPage {
  /** Parsed when it is looked at. */
  readonly entries: VaultEntry[];
  /** The same as PostgreSQL wrote it. */
  entriesJson: string;
  head: number;
  /** 64 hexadecimal digits. */
  headHash: string;
  nextCursor: string | null;
  /** The reader comes from another work session, as a past writer. */
  fromOutside: boolean;
}

/** What PostgreSQL writes for no entries. */
const NO_ENTRIES = '[]';

interface PageRow {
  from_outside: boolean;
  head: bigint;
  head_hash: string;
  entries: string;
  last: bigint | null;
  more: boolean | null;
}

export interface VaultRules extends WriteRules {
  /** Whether who wrote into a vault once may read it from another work session. */
  pastWriterReads: boolean;
}

/** Whether a caller may read a vault, and where that stands. */
interface HeadQuestion {
  vaultId: string;
  workSessionId: string;
  readsAs: string | null;
}

class Page implements VaultPage {
  readonly entriesJson: string;
  readonly head: number;
  readonly headHash: string;
  readonly nextCursor: string | null;
  readonly fromOutside: boolean;

  constructor({ entries, head, head_hash, more, last, from_outside }: PageRow) {
    this.entriesJson = entries;
    this.head = toSafeNumber(head);
    this.headHash = head_hash;
    this.nextCursor =
      more && last !== null ? writeReadCursor({ asOf: this.head, position: toSafeNumber(last) }) : null;
    this.fromOutside = from_outside;
  }

  get entries(): VaultEntry[] {
    return JSON.parse(this.entriesJson);
  }
}

const NO_RULES: VaultRules = {
  pastWriterReads: true,
  coalesce: true,
  caps: { vaultsPerWorkSession: 0, entriesPerVault: 0, bytesPerVault: 0 },
};

/** What a look that lasts is for. */
interface LongLook {
  reader: Reader;
  vaultId: string;
  what: ReadOptions;
  /** On the clock of `performance.now()`. */
  until: number;
  signal: AbortSignal | undefined;
}

const vaultTopic = (vaultId: string) => `vault ${vaultId}`;
const workSessionTopic = (workSessionId: string) => `work session ${workSessionId}`;

/** Changes of all of them, for operators. */
const ALL_WORK_SESSIONS = 'all work sessions';

const sessionEnded = () => unauthorized('This session ended while the request was waiting.');

const stopping = () =>
  new RelayError('SERVICE_UNAVAILABLE', 'The server is stopping; connect again.', { retryAfter: 1 });

/** Ends what follows a vault in the way that its reason asks for. */
function refuseEnd(end: WaitEnd): void {
  if (end === 'session ended') throw sessionEnded();
  if (end === 'closing') throw stopping();
}

const readsOf = (reader: Reader) => (isOperator(reader) ? READS.operator : READS.caller);

/** A follower that is far behind gets its rows in portions. */
const WATCH_PORTION = 200;

/**
 * All vaults, for callers whose work session is proven. Each call is one statement that also decides whether the
 * caller may; only when a read yields nothing does a second one find out why.
 *
 * @throws RelayError `NOT_FOUND`, `FORBIDDEN`, or `SERVICE_UNAVAILABLE` when the database is away
 */
export class VaultStore {
  readonly waiters = new VaultWaiters();
  readonly writer: VaultWriter;
  readonly #db: Database;
  readonly #feed: VaultFeed;
  readonly #pastWriterReads: boolean;
  readonly #heads = new Batcher((questions: HeadQuestion[]) => this.#readHeads(questions));
  /** Reads of one work session that want the same, with the client that each was done for. */
  readonly #shared = new SharedReads<{ page: VaultPage; clientId: string }>();

  constructor(
    db: Database,
    feed: VaultFeed,
    rules: Partial<VaultRules> = {},
    onStatement?: (writes: number) => void,
  ) {
    const all = { ...NO_RULES, ...rules };
    this.#db = db;
    this.#feed = feed;
    this.#pastWriterReads = all.pastWriterReads;
    this.writer = new VaultWriter(db, feed, all, onStatement);
    feed.listen(({ vaultId, workSessionId }) => {
      this.waiters.changed(vaultTopic(vaultId));
      this.waiters.changed(workSessionTopic(workSessionId));
      this.waiters.changed(ALL_WORK_SESSIONS);
    });
  }

  /** The client id as far as it opens vaults; null is in no writer list. */
  #readsAs({ clientId }: Caller): string | null {
    return this.#pastWriterReads ? clientId : null;
  }

  /** Work session and client id as the statements that read take them: an operator has neither. */
  #who(reader: Reader): (string | null)[] {
    return isOperator(reader) ? [null, null] : [reader.workSessionId, this.#readsAs(reader)];
  }

  create(caller: Caller, summary: string, key?: string): Promise<{ vault_id: string; replayed: boolean }> {
    return this.writer.create(caller, { summary, key });
  }

  /** Appends, overrides or sets the summary. @throws RelayError as `VaultWriter.write` */
  write(caller: Caller, write: Write): Promise<Written> {
    return this.writer.write(caller, this.#readsAs(caller), write);
  }

  /** Every vault the caller can read, oldest first. */
  async list(reader: Reader, options: ListOptions = {}): Promise<VaultListPage> {
    const { q, writer, tag, details = false, limit, cursor } = options;
    const who = this.#who(reader);
    const { LIST, LIST_MATCHING } = readsOf(reader);
    if ([q, writer, tag, limit, cursor].every((option) => option === undefined) && !details) {
      return { vaults: await this.#db.rows<VaultListItem>(LIST, ...who), nextCursor: null };
    }
    const after = cursor === undefined ? undefined : readListCursor(cursor);
    const rows = await this.#db.rows<Required<VaultListItem> & { head: bigint; created_us: bigint }>(
      LIST_MATCHING,
      ...who,
      q ?? null,
      writer ?? null,
      tag ?? null,
      after?.createdUs ?? null,
      after?.vaultId ?? null,
      limit === undefined ? null : limit + 1,
    );
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const more = last && rows.length > page.length;
    return {
      vaults: page.map(({ head, created_us: _, ...row }) =>
        details ? { ...row, head: toSafeNumber(head) } : { vault_id: row.vault_id, summary: row.summary },
      ),
      nextCursor: more
        ? writeListCursor({ createdUs: toSafeNumber(last.created_us), vaultId: last.vault_id })
        : null,
    };
  }

  /** @returns the entries of `readPage` */
  async read(reader: Reader, vaultId: string, options: ReadOptions = {}): Promise<VaultEntry[]> {
    return (await this.readPage(reader, vaultId, options)).entries;
  }

  /**
   * What a vault holds, or a page of it. With `wait` an empty answer waits until there is something to show, or the
   * time is up; waiting holds no database connection.
   * @throws RelayError also `UNAUTHORIZED` when the session ends meanwhile
   */
  async readPage(reader: Reader, vaultId: string, options: ReadOptions = {}): Promise<VaultPage> {
    const { wait, signal, known_head, ...what } = options;
    const page =
      (known_head !== undefined && (await this.#unchanged(reader, vaultId, known_head))) ||
      (wait === undefined
        ? await this.#lookTogether(reader, vaultId, what)
        : await this.#lookUntil({ reader, vaultId, what, until: performance.now() + wait * 1000, signal }));
    await this.#noteForeignRead(reader, vaultId, page.fromOutside);
    return page;
  }

  async #lookUntil({ reader, vaultId, what, until, signal }: LongLook): Promise<VaultPage> {
    const sessionHash = reader.origin?.sessionHash;
    for (;;) {
      const ms = Math.max(0, until - performance.now());
      const waiting = this.waiters.begin({ topic: vaultTopic(vaultId), sessionHash, ms, signal });
      try {
        const page = await this.#lookTogether(reader, vaultId, what);
        if (page.entriesJson !== NO_ENTRIES || ms === 0) return page;
        const end = await waiting.ended;
        if (end === 'session ended') throw sessionEnded();
        if (end === 'closing' || end === 'left') return page;
      } finally {
        waiting.cancel();
      }
    }
  }

  /** @returns a page without its entries as long as the vault's head is the one that the reader has seen */
  async #unchanged(reader: Reader, vaultId: string, seen: number): Promise<VaultPage | undefined> {
    if (isOperator(reader)) return undefined;
    const question = { vaultId, workSessionId: reader.workSessionId, readsAs: this.#readsAs(reader) };
    const row = await this.#heads.ask(question);
    return row && Number(row.head) === seen ? new Page(row) : undefined;
  }

  async #readHeads(questions: HeadQuestion[]): Promise<(PageRow | undefined)[]> {
    const rows = await this.#db.rows<
      Pick<PageRow, 'head' | 'head_hash' | 'from_outside'> & { place: number }
    >(
      READ_HEADS,
      questions.map(({ vaultId }) => vaultId),
      questions.map(({ workSessionId }) => workSessionId),
      questions.map(({ readsAs }) => readsAs),
    );
    const answers: (PageRow | undefined)[] = questions.map(() => undefined);
    for (const row of rows) answers[row.place - 1] = { ...row, entries: NO_ENTRIES, last: null, more: false };
    return answers;
  }

  /**
   * Those of one work session who want the same share a look. A look that another client was refused, or allowed as a
   * past writer, says nothing about this one.
   */
  async #lookTogether(reader: Reader, vaultId: string, what: ReadOptions): Promise<VaultPage> {
    if (isOperator(reader)) return this.#look(reader, vaultId, what);
    const { workSessionId, clientId } = reader;
    const look = async () => ({ page: await this.#look(reader, vaultId, what), clientId });
    let isOwn = false;
    try {
      const seen = await this.#shared.read(JSON.stringify([vaultId, workSessionId, what]), () => {
        isOwn = true;
        return look();
      });
      if (!seen.page.fromOutside || seen.clientId === clientId) return seen.page;
    } catch (error) {
      if (isOwn) throw error;
    }
    return this.#look(reader, vaultId, what);
  }

  /**
   * Every row after `since`, by seq, as it is committed, until the caller leaves.
   * @throws RelayError as `readPage`; `SERVICE_UNAVAILABLE` when the server stops, so that a follower comes back
   */
  async *watch(
    reader: Reader,
    vaultId: string,
    { since = 0, kind, signal }: Pick<ReadOptions, 'since' | 'kind' | 'signal'>,
  ): AsyncGenerator<VaultEntry> {
    let seen = since;
    for (;;) {
      const waiting = this.waiters.begin({
        topic: vaultTopic(vaultId),
        sessionHash: reader.origin?.sessionHash,
        signal,
      });
      try {
        const options = { since: seen, history: true, kind, limit: WATCH_PORTION };
        const page = await this.readPage(reader, vaultId, options);
        yield* page.entries;
        seen = page.entries.at(-1)?.seq ?? seen;
        if (page.nextCursor !== null) continue;
        const end = await waiting.ended;
        if (end === 'left') return;
        refuseEnd(end);
      } finally {
        waiting.cancel();
      }
    }
  }

  /**
   * Vaults of the reader's work session, or all for an operator, as they change, with their new heads, until the caller leaves.
   * @throws RelayError `UNAUTHORIZED` when the session ends, `SERVICE_UNAVAILABLE` when the server stops
   */
  async *changes(reader: Reader, signal?: AbortSignal): AsyncGenerator<{ vault_id: string; head: number }> {
    const heads = new Map<string, number>();
    const stopListening = this.#feed.listen(({ workSessionId, vaultId, seq }) => {
      if (isOperator(reader) || workSessionId === reader.workSessionId) heads.set(vaultId, seq);
    });
    try {
      for (;;) {
        const topic = isOperator(reader) ? ALL_WORK_SESSIONS : workSessionTopic(reader.workSessionId);
        const waiting = this.waiters.begin({ topic, sessionHash: reader.origin?.sessionHash, signal });
        try {
          const changed = [...heads];
          heads.clear();
          for (const [vault_id, head] of changed) yield { vault_id, head };
          if (heads.size > 0) continue;
          const end = await waiting.ended;
          if (end === 'left') return;
          refuseEnd(end);
        } finally {
          waiting.cancel();
        }
      }
    } finally {
      stopListening();
    }
  }

  async #look(reader: Reader, vaultId: string, what: ReadOptions): Promise<VaultPage> {
    const { since = 0, history = false, kind = 'content', limit, cursor, q, writer, tag } = what;
    const after = cursor === undefined ? undefined : readReadCursor(cursor);
    const { READ_HISTORY, READ_CURRENT_SINCE, READ_CURRENT } = readsOf(reader);
    const sql = history ? READ_HISTORY : since > 0 ? READ_CURRENT_SINCE : READ_CURRENT;
    const [row] = await this.#db.rows<PageRow>(
      sql,
      vaultId,
      ...this.#who(reader),
      since,
      after?.asOf ?? what.as_of ?? null,
      q ?? null,
      writer ?? null,
      tag ?? null,
      after?.position ?? -1,
      limit ?? null,
      kind === 'all' ? null : kind,
    );
    if (!row) throw await this.#refusal(reader, vaultId, { action: 'read', allowed: canRead });
    return new Page(row);
  }

  /** Everything about a vault but its entries. */
  async meta(reader: Reader, vaultId: string): Promise<VaultMeta> {
    const [row] = await this.#db.rows<
      Omit<VaultMeta, 'head' | 'versions'> & { head: bigint; versions: bigint; from_outside: boolean }
    >(readsOf(reader).READ_META, vaultId, ...this.#who(reader));
    if (!row) throw await this.#refusal(reader, vaultId, { action: 'meta', allowed: canRead });
    const { from_outside: fromOutside, head, versions, ...meta } = row;
    await this.#noteForeignRead(reader, vaultId, fromOutside);
    return { ...meta, head: toSafeNumber(head), versions: toSafeNumber(versions) };
  }

  /** The chain of a vault's rows after `since`, at most `limit` of them: enough to check them against the head. */
  async proof(
    reader: Reader,
    vaultId: string,
    { since = 0, limit }: { since?: number | undefined; limit: number },
  ): Promise<Proof> {
    const [row] = await this.#db.rows<{
      head: bigint;
      head_hash: string;
      from_outside: boolean;
      previous_hash: string;
      rows: Proof['rows'];
    }>(readsOf(reader).READ_PROOF, vaultId, ...this.#who(reader), since, limit);
    if (!row) throw await this.#refusal(reader, vaultId, { action: 'proof', allowed: canRead });
    await this.#noteForeignRead(reader, vaultId, row.from_outside);
    return {
      vault_id: vaultId,
      algorithm: CHAIN_ALGORITHM,
      previous_hash: row.previous_hash,
      rows: row.rows,
      head: { seq: toSafeNumber(row.head), hash: row.head_hash },
    };
  }

  /**
   * Ends a past writer's read access from other work sessions. Writing again from inside opens it again.
   * @returns whether the client was on the vault's list
   */
  async removeWriter(caller: Caller, vaultId: string, clientId: string): Promise<boolean> {
    const [row] = await this.#db.write<{ removed: boolean }>(
      REMOVE_WRITER,
      vaultId,
      caller.workSessionId,
      caller.clientId,
      ...auditColumns(caller),
      clientId,
    );
    if (!row)
      throw await this.#refusal(caller, vaultId, { action: 'remove_writer', allowed: canRemoveWriter });
    return row.removed;
  }

  /** Keeps calls in the audit log that were refused before any statement ran. */
  async noteRefusals(
    caller: Caller,
    vaultId: string | undefined,
    refused: readonly { action: string; outcome: string }[],
  ): Promise<void> {
    await this.#db.rows(
      NOTE_REFUSALS,
      vaultId ?? null,
      caller.workSessionId,
      caller.clientId,
      ...auditColumns(caller),
      refused.map(({ action }) => action),
      refused.map(({ outcome }) => outcome),
    );
  }

  /** Keeps a read by whom the vault does not belong to: an operator, or a past writer from another work session. */
  async #noteForeignRead(reader: Reader, vaultId: string, fromOutside: boolean): Promise<void> {
    if (isOperator(reader)) {
      const { request_id, address } = originOf(reader);
      await this.#db.rows(NOTE_OPERATOR_READ, vaultId, request_id, address);
      return;
    }
    if (!fromOutside) return;
    await this.#db.rows(
      NOTE_OUTSIDE_READ,
      vaultId,
      reader.workSessionId,
      reader.clientId,
      ...auditColumns(reader),
    );
  }

  /** Why a statement touched nothing: no such vault, or not for this caller. Kept in the audit log. */
  async #refusal(
    reader: Reader,
    vaultId: string,
    { action, allowed }: { action: string; allowed: (vault: VaultAccess, caller: Caller) => boolean },
  ): Promise<Error> {
    const [workSessionId = null, readsAs] = this.#who(reader);
    const [row] = await this.#db.rows<{ work_session_id: string; is_writer: boolean }>(
      EXPLAIN_REFUSAL,
      vaultId,
      workSessionId,
      isOperator(reader) ? null : reader.clientId,
      ...auditColumns(reader),
      readsAs ?? null,
      action,
    );
    if (!row) return noVault(vaultId);
    const writerList = row.is_writer && !isOperator(reader) ? [reader.clientId] : [];
    const vault = { workSessionId: row.work_session_id, writerList };
    if (isOperator(reader) || allowed(vault, reader))
      throw new Error(`The policy allows what the statement of ${action} refused`);
    return canRead(vault, reader) ? readOnlyVault(vaultId) : foreignVault(vaultId);
  }
}
