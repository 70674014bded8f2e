import { createHash } from 'node:crypto';
import type { Caller } from '../../access/policy.ts';
import { auditColumns, sessionOf } from '../../audit/columns.ts';
import type { VaultCaps } from '../../config.ts';
import type { Database } from '../../db/client.ts';
import { type FailureScope, scopeOfFault } from '../../db/pg-errors.ts';
import { type CurrentVersion, findRelayError, forbidden } from '../../errors.ts';
import { toSafeNumber } from '../../numbers.ts';
import type { VaultFeed } from '../follow/feed.ts';
import { CREATE, NOTE_REFUSALS, WRITE } from '../sql.ts';
import type { CreationOutcome, WriteOutcome } from './outcomes.ts';
import { WriteQueue } from './queue.ts';
import { keyReused, REFUSALS } from './refusals.ts';
import { looksSealed, sealedText } from './sealed.ts';
import { makeVaultId } from './vault-id.ts';

export interface WriteRules {
  caps: VaultCaps;
  /** Whether writes that arrive while a statement is under way share the next one. */
  coalesce: boolean;
}

/** One write, as the store is asked for it. */
export interface Write {
  op: 'append' | 'override' | 'summary';
  vaultId: string;
  text: string;
  /** Of an override. */
  entryNo?: number | undefined;
  /** Undefined: an override keeps those of the version before. */
  tags?: readonly string[] | undefined;
  /** The version that the writer has seen, of the entry or the summary. */
  expected?: number | undefined;
  /** Makes a repeat of the same write safe. */
  key?: string | undefined;
}

export interface Written {
  entry_no: number;
  version: number;
  seq: number;
  /** The write was done before, under the same key; nothing was written now. */
  replayed: boolean;
}

interface OutcomeRow {
  place: number;
  outcome: WriteOutcome;
  entry_no: number | null;
  version: number | null;
  seq: bigint | null;
  current: CurrentVersion | null;
}

interface Asked {
  caller: Caller;
  readsAs: string | null;
  write: Write;
}

/** What is looked at before a write. */
interface SealedCandidate {
  op: Write['op'] | 'create';
  text: string;
  vaultId?: string;
}

/** What a failed statement says of its writes: a lock is about a vault, a lost database about all of them. */
const scopeOfFailure = (error: unknown): FailureScope =>
  findRelayError(error)?.details.outcome === 'unknown' ? 'database' : scopeOfFault(error);

/** Beside the text: names, key, request id. */
const BYTES_AROUND_TEXT = 512;

const hashRequest = (...parts: unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex');

const toJson = ({ caller, readsAs, write }: Asked, place: number) => ({
  place,
  op: write.op,
  vault_id: write.vaultId,
  work_session_id: caller.workSessionId,
  client_id: caller.clientId,
  reads_as: readsAs,
  entry_no: write.entryNo,
  text: write.text,
  tags: write.tags,
  expected: write.expected,
  key: write.key,
  request_hash: write.key && hashRequest(write.op, write.entryNo, write.text, write.tags, write.expected),
  session: sessionOf(caller),
  request_id: caller.origin?.requestId,
  address: caller.origin?.address,
});

/** Ids that are drawn for one vault; of even two, the first is hardly ever taken. */
const MAX_ID_DRAWS = 5;

/** A newer version of the program may have replaced the function. */
const unknownOutcome = (name: string, outcome: string | undefined) =>
  new Error(`The function ${name} answered with an outcome that this version does not know: ${outcome}`);

/**
 * Every write. What a statement decides, it decides for each write by itself: one that is refused leaves the others
 * of the same statement as they are.
 */
export class VaultWriter {
  readonly #db: Database;
  readonly #feed: VaultFeed;
  readonly #rules: WriteRules;
  readonly #queue: WriteQueue<Asked, OutcomeRow>;

  constructor(db: Database, feed: VaultFeed, rules: WriteRules, onStatement?: (writes: number) => void) {
    this.#db = db;
    this.#feed = feed;
    this.#rules = rules;
    this.#queue = new WriteQueue({
      run: (asked) => this.#run(asked),
      laneOf: ({ write }) => write.vaultId,
      bytesOf: ({ write }) => Buffer.byteLength(write.text) + BYTES_AROUND_TEXT,
      scopeOf: scopeOfFailure,
      ...(onStatement ? { onStatement } : {}),
    });
  }

  /** Writes that have no result yet. */
  get depth(): number {
    return this.#queue.depth;
  }

  /** Resolves once no write is under way. */
  whenIdle(): Promise<void> {
    return this.#queue.whenIdle();
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

  /** Every text goes through here before its write, whichever surface it came by. @throws RelayError `CONFLICT` */
  async #refuseSealed(caller: Caller, { text, op, vaultId }: SealedCandidate): Promise<void> {
    if (!looksSealed(text)) return;
    await this.noteRefusals(caller, vaultId, [{ action: op, outcome: 'sealed' }]);
    throw sealedText();
  }

  /**
   * Makes a vault with its first summary.
   * @returns its id; `replayed` when the key stands for one that was made before
   * @throws RelayError `FORBIDDEN` over the cap, `CONFLICT` for a reused key or a sealed text, `SERVICE_UNAVAILABLE`
   */
  async create(
    caller: Caller,
    { summary, key }: { summary: string; key?: string | undefined },
  ): Promise<{ vault_id: string; replayed: boolean }> {
    await this.#refuseSealed(caller, { op: 'create', text: summary });
    for (let tries = 0; tries < MAX_ID_DRAWS; tries++) {
      const creation = {
        vault_id: makeVaultId(),
        summary,
        work_session_id: caller.workSessionId,
        client_id: caller.clientId,
        ...(key === undefined ? {} : { key, request_hash: hashRequest('create', summary) }),
        session: sessionOf(caller),
        request_id: caller.origin?.requestId,
        address: caller.origin?.address,
      };
      const [row] = await this.#db.write<{ outcome: CreationOutcome; vault_id: string; seq: bigint | null }>(
        CREATE,
        JSON.stringify(creation),
        this.#rules.caps.vaultsPerWorkSession,
      );
      if (row?.outcome === 'key_reused') throw keyReused();
      if (row?.outcome === 'full') {
        throw forbidden(
          'Your work session has as many vaults as this server allows; write into one of them.',
        );
      }
      if (row?.outcome === 'written' || row?.outcome === 'replayed') {
        // Of a repeat too: the answer to the first may have been lost before anybody was told.
        this.#feed.written({
          workSessionId: caller.workSessionId,
          vaultId: row.vault_id,
          seq: toSafeNumber(row.seq ?? 0n),
          kind: 'summary',
        });
        return { vault_id: row.vault_id, replayed: row.outcome === 'replayed' };
      }
      // The id is taken, which one draw in 62^10 per vault is.
      if (row?.outcome !== 'taken') throw unknownOutcome('create_vault', row?.outcome);
    }
    throw new Error(`Drew ${MAX_ID_DRAWS} ids for a vault, and each was taken`);
  }

  /**
   * @param readsAs the client id as far as it opens vaults; null is in no writer list
   * @throws RelayError `NOT_FOUND`, `FORBIDDEN`, `CONFLICT` (with what is there, unless the key was reused or
   * the text is sealed),
   * `SERVICE_UNAVAILABLE`
   */
  async write(caller: Caller, readsAs: string | null, write: Write): Promise<Written> {
    await this.#refuseSealed(caller, write);
    const asked = { caller, readsAs, write };
    const row = this.#rules.coalesce ? await this.#queue.push(asked) : (await this.#run([asked]))[0];
    if (!row) throw new Error('A write came back without its outcome');
    const { outcome, entry_no, version, seq, current } = row;
    if (outcome !== 'written' && outcome !== 'replayed') {
      if (!Object.hasOwn(REFUSALS, outcome)) throw unknownOutcome('write_to_vaults', outcome);
      throw REFUSALS[outcome]({ ...write, current });
    }
    if (entry_no === null || version === null || seq === null)
      throw new Error('A write came back without its place');
    const written = { entry_no, version, seq: toSafeNumber(seq), replayed: outcome === 'replayed' };
    // Of a repeat too, as in `create`.
    const kind = write.op === 'summary' ? 'summary' : 'content';
    this.#feed.written({
      workSessionId: caller.workSessionId,
      vaultId: write.vaultId,
      seq: written.seq,
      kind,
    });
    return written;
  }

  async #run(asked: Asked[]): Promise<OutcomeRow[]> {
    const { entriesPerVault, bytesPerVault } = this.#rules.caps;
    const rows = await this.#db.write<OutcomeRow>(
      WRITE,
      JSON.stringify(asked.map(toJson)),
      entriesPerVault,
      bytesPerVault,
    );
    return rows.length > 1 ? rows.toSorted((a, b) => a.place - b.place) : rows;
  }
}
