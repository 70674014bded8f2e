import {
  type AccessRules,
  type Caller,
  canRead,
  isOperator,
  type Reader,
  readerValues,
  readsAs,
} from '../../access/policy.ts';
import type { AnswerBounds } from '../../answer.ts';
import { toSafeNumber } from '../../numbers.ts';
import { SharedReads } from '../../queues/shared-reads.ts';
import { FIRST_FORM } from '../proof/chain.ts';
import { refusedAccess } from '../refused-access.ts';
import type { Proof, VaultMeta } from '../schema.ts';
import { type Candidates, isWholeList, type ListRow, listVaults } from './list-store.ts';
import { type ListOptions, ListPage, type VaultListPage } from './page.ts';
import { askingFor } from './scan-store.ts';
import { WorkSessionLists } from './shared-list-store.ts';
import { LIMITED_LISTS } from './sql.ts';
import { type ReadDeps, readsOf } from './view-store.ts';

export interface ProofPart {
  since?: number | undefined;
  limit: number;
}

/** Limits of an answer made in memory. */
export interface AnswerRoom {
  maxBytes: number;
  /** Reserves memory until the answer is sent. @throws RelayError `SERVICE_UNAVAILABLE` when there is too little */
  hold?(bytes: number): void;
}

/** The statements that list the vaults of a reader, and their first two values. */
function listSourceOf(reader: Reader, rules: AccessRules) {
  const limit = isOperator(reader) ? undefined : reader.vaults && [reader.workSessionId, reader.vaults];
  return limit
    ? { statements: LIMITED_LISTS, who: limit }
    : { statements: readsOf(reader), who: readerValues(reader, rules) };
}

interface ListDeps extends ReadDeps {
  /** Finds the vaults of a caller's work session that have a text, by the index; undefined: any may. */
  vaultsWith(caller: Caller, text: string): Promise<Candidates | undefined>;
}

/**
 * Reads of vaults other than views: lists, `meta` and proofs.
 *
 * @throws RelayError `NOT_FOUND`, `FORBIDDEN`, or `SERVICE_UNAVAILABLE` when the database is unavailable
 */
export class VaultReader {
  readonly #deps: ListDeps;
  readonly #sharedLists = new SharedReads<ListRow | undefined>();
  readonly #workSessionLists = new WorkSessionLists();

  constructor(deps: ListDeps) {
    this.#deps = deps;
  }

  /**
   * Every vault the caller can read, oldest first.
   * @throws RelayError also `ANSWER_TOO_LARGE`
   */
  async list(reader: Reader, options: ListOptions, bounds: AnswerBounds): Promise<VaultListPage> {
    const { db, audit, rules, vaultsWith } = this.#deps;
    // The shared list holds every vault of one work session. An operator has none, and a limited caller may see only some.
    if (!isOperator(reader) && !reader.vaults && isWholeList(options, bounds)) {
      const { details = false } = options;
      const wanted = { workSessionId: reader.workSessionId, readsAs: readsAs(reader, rules), details };
      const list = await this.#workSessionLists.read(wanted, askingFor(db, reader, false));
      if (list) return new ListPage(list);
    }
    const { statements, who } = listSourceOf(reader, rules);
    if (isOperator(reader)) await audit.noteList(reader);
    const rowsOf = (scans: boolean) => askingFor(db, reader, scans || isOperator(reader));
    const candidatesOf = async (q: string) => (isOperator(reader) ? undefined : vaultsWith(reader, q));
    return listVaults({ rowsOf, statements, who, candidatesOf, shared: this.#sharedLists }, options, {
      ...bounds,
      onListed: async (outside) => {
        if (!isOperator(reader)) await audit.noteListed(reader, outside);
      },
    });
  }

  /** Describes a vault without its entries. */
  async meta(reader: Reader, vaultId: string): Promise<VaultMeta> {
    const { db, audit, rules } = this.#deps;
    const [row] = await askingFor(db, reader, true)<
      Omit<VaultMeta, 'head' | 'versions'> & { head: bigint; versions: bigint; from_outside: boolean }
    >(readsOf(reader).READ_META, vaultId, ...readerValues(reader, rules));
    if (!row) throw await refusedAccess(audit, { reader, vaultId }, { action: 'meta', allowed: canRead });
    const { from_outside: fromOutside, head, versions, ...meta } = row;
    await audit.note(reader, 'meta', { vaultId, fromOutside });
    return { ...meta, head: toSafeNumber(head), versions: toSafeNumber(versions) };
  }

  /** The chain of a vault's rows after `since`, at most `limit` of them and `maxBytes` of JSON. */
  async proof(
    reader: Reader,
    vaultId: string,
    { since = 0, limit, maxBytes, hold = () => undefined }: ProofPart & AnswerRoom,
  ): Promise<Proof> {
    const { db, audit, rules } = this.#deps;
    const [row] = await askingFor(db, reader, true)<{
      head: bigint;
      head_hash: string;
      from_outside: boolean;
      previous_hash: string;
      json: string;
    }>(readsOf(reader).READ_PROOF, vaultId, ...readerValues(reader, rules), since, limit, maxBytes);
    if (!row) throw await refusedAccess(audit, { reader, vaultId }, { action: 'proof', allowed: canRead });
    await audit.note(reader, 'proof', { vaultId, fromOutside: row.from_outside });
    hold(row.json.length);
    return {
      vault_id: vaultId,
      algorithm: FIRST_FORM,
      previous_hash: row.previous_hash,
      rows: JSON.parse(`[${row.json}]`),
      head: { seq: toSafeNumber(row.head), hash: row.head_hash },
    };
  }
}
