import { isOperator, type Reader } from '../access/policy.ts';
import type { VaultAudit } from '../audit/vault-audit-store.ts';
import type { Database } from '../db/client.ts';
import { badRequest } from '../errors.ts';
import { Batcher } from '../queues/batcher.ts';
import { SharedReads } from '../queues/shared-reads.ts';
import { askingFor } from '../vault/read/scan-store.ts';
import { cursorOf, microsOf, parseCursor } from './cursor.ts';
import { foldHours, type HourRow } from './hours.ts';
import type { ActivityHours, ActivityPage, ActivityRow, What } from './schema.ts';
import { ACTIVITY, ANNOUNCED, NOW } from './sql.ts';

/** Which rows are shown. */
export interface ActivityFilter {
  vault_id?: string | undefined;
  client_id?: string | undefined;
  tag?: string | undefined;
  what?: readonly What[] | undefined;
  work_session_id?: string | undefined;
}

export interface PageWanted extends ActivityFilter {
  /** The cursor of the last page. */
  before?: string | undefined;
  /** Only rows before this time, in RFC 3339. */
  until?: string | undefined;
  /** Only rows at this time or after it, in RFC 3339 or µs since 1970. */
  since?: string | number | undefined;
  limit: number;
}

/** Asks for a row that was announced. `workSessionId` is null for an operator. */
export interface RowQuestion {
  vaultId: string;
  n: number;
  workSessionId: string | null;
}

/** How long counts are shown again without a new statement. */
const COUNTED_MS = 10_000;
const MAX_COUNTED = 500;

/** The statements of a reader, and their first two values. */
function sourceOf(reader: Reader) {
  if (isOperator(reader)) return { statements: ACTIVITY.operator, who: [null, null] };
  const { workSessionId, vaults = null } = reader;
  return { statements: vaults ? ACTIVITY.limited : ACTIVITY.caller, who: [workSessionId, vaults] };
}

/**
 * What happened in the vaults of a reader's work session. An operator sees every vault, and each look is noted.
 * @throws RelayError `SERVICE_UNAVAILABLE` from every method
 */
export class ActivityStore {
  readonly #db: Database;
  readonly #audit: VaultAudit;
  readonly #batcher: Batcher<RowQuestion, ActivityRow | undefined>;
  readonly #shared = new SharedReads<ActivityRow | undefined>();
  readonly #counted = new Map<string, { until: number; hours: Promise<ActivityHours> }>();

  constructor(db: Database, audit: VaultAudit) {
    this.#db = db;
    this.#audit = audit;
    this.#batcher = new Batcher((questions) => this.#announced(questions));
  }

  /** Notes that an operator looks. Nothing is noted of a caller, who sees the vaults of its work session alone. */
  async note(reader: Reader): Promise<void> {
    if (isOperator(reader)) await this.#audit.noteActivity(reader);
  }

  /** @returns µs since 1970 by the clock of the database */
  async now(): Promise<number> {
    const [row] = await this.#db.rows<{ now: bigint }>(NOW);
    return Number(row?.now);
  }

  /** A page of rows, the newest first. @throws RelayError also `BAD_REQUEST` for a cursor that no page gave */
  async page(reader: Reader, wanted: PageWanted): Promise<ActivityPage> {
    const { statements, who } = sourceOf(reader);
    const [us, vault, n] = startOf(wanted);
    await this.note(reader);
    const [row] = await askingFor(this.#db, reader, true)<{
      rows: ActivityRow[];
      more: boolean;
      horizon: string | null;
    }>(
      statements.PAGE,
      ...who,
      ...[us, vault, n, wanted.limit],
      ...[wanted.vault_id, wanted.client_id, wanted.tag, wanted.what, wanted.work_session_id].map(orNull),
      typeof wanted.since === 'string' ? microsOf(wanted.since) : orNull(wanted.since),
    );
    if (!row) throw new Error('A page came back without its row');
    const { rows, more, horizon } = row;
    const last = rows.at(-1);
    if (more && last) return { rows, before: cursorOf(last) };
    return { rows, before: horizon };
  }

  /** Rows by hour, the last one included. They may be ten seconds old. */
  async hours(reader: Reader, hours: number): Promise<ActivityHours> {
    await this.note(reader);
    const { statements, who } = sourceOf(reader);
    const key = JSON.stringify([hours, ...who]);
    const now = performance.now();
    for (const [old, { until }] of this.#counted) if (until <= now) this.#counted.delete(old);
    const known = this.#counted.get(key);
    if (known) return known.hours;
    const counting = askingFor(this.#db, reader, true)<HourRow>(statements.HOURS, ...who, hours).then(
      (rows) => foldHours(rows, hours),
    );
    this.#counted.set(key, { until: now + COUNTED_MS, hours: counting });
    const [oldest] = this.#counted.keys();
    if (this.#counted.size > MAX_COUNTED && oldest !== undefined) this.#counted.delete(oldest);
    counting.catch(() => this.#counted.delete(key)); // the caller has the same promise, and its error
    return counting;
  }

  /** @returns a row that was announced; undefined where the reader may not see it. Questions share statements. */
  row(question: RowQuestion): Promise<ActivityRow | undefined> {
    const { vaultId, n, workSessionId } = question;
    const key = JSON.stringify([workSessionId, vaultId, n]);
    return this.#shared.read(key, () => this.#batcher.ask(question));
  }

  async #announced(questions: readonly RowQuestion[]): Promise<(ActivityRow | undefined)[]> {
    const found = await this.#db.rows<{ place: number; row: ActivityRow }>(
      ANNOUNCED,
      questions.map(({ vaultId }) => vaultId),
      questions.map(({ n }) => n),
      questions.map(({ workSessionId }) => workSessionId),
    );
    const rows: (ActivityRow | undefined)[] = questions.map(() => undefined);
    for (const { place, row } of found) rows[place - 1] = row;
    return rows;
  }
}

const orNull = <T>(value: T | undefined): T | null => value ?? null;

/** @returns time (µs), vault and `n` of the row before the page @throws RelayError `BAD_REQUEST` */
function startOf({ before, until }: PageWanted): [number | null, string | null, number | null] {
  if (before !== undefined) {
    const place = parseCursor(before);
    if (!place) throw badRequest('Field before must be the cursor of a page.');
    return [place.us, place.vaultId, place.n];
  }
  return until === undefined ? [null, null, null] : [microsOf(until), '', 0];
}
