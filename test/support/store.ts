import type { Caller, Reader } from '../../src/access/policy.ts';
import type { AnswerBounds } from '../../src/answer.ts';
import type { WatchOptions } from '../../src/vault/follow/followers.ts';
import type { ListOptions, ReadOptions, VaultListPage, VaultPage } from '../../src/vault/read/page.ts';
import type { ProofPart } from '../../src/vault/read/store.ts';
import type { WriteResult } from '../../src/vault/schema.ts';
import { VaultStore } from '../../src/vault/store.ts';
import type { Write } from '../../src/vault/write/batch-store.ts';

type Rest = Partial<Pick<Write, 'tags' | 'expected' | 'key'>>;

const BOUNDS: AnswerBounds = { maxBytes: 67_108_864, streams: false };

/** The stores of vaults, with shortcuts for the calls of tests. */
export class TestStore extends VaultStore {
  async #result(caller: Caller, write: Write): Promise<WriteResult> {
    const { replayed: _, ...result } = await this.writer.submit(caller, write);
    return result;
  }

  create(caller: Caller, summary: string, key?: string) {
    return this.writer.create({ caller, summary, key });
  }

  write(caller: Caller, write: Write) {
    return this.writer.submit(caller, write);
  }

  append(caller: Caller, vaultId: string, text: string, rest: Rest = {}): Promise<WriteResult> {
    return this.#result(caller, { op: 'append', vaultId, text, ...rest });
  }

  override(
    caller: Caller,
    vaultId: string,
    { no, text, ...rest }: { no: number; text: string } & Rest,
  ): Promise<WriteResult> {
    return this.#result(caller, { op: 'override', vaultId, text, entryNo: no, ...rest });
  }

  async setSummary(caller: Caller, vaultId: string, text: string, rest: Rest = {}): Promise<void> {
    await this.write(caller, { op: 'summary', vaultId, text, ...rest });
  }

  removeWriter(caller: Caller, vaultId: string, clientId: string) {
    return this.writer.removeWriter(caller, vaultId, clientId);
  }

  list(
    reader: Reader,
    { bounds = BOUNDS, ...options }: ListOptions & { bounds?: AnswerBounds } = {},
  ): Promise<VaultListPage> {
    return this.reader.list(reader, options, bounds);
  }

  readPage(
    reader: Reader,
    vaultId: string,
    { bounds = BOUNDS, ...what }: ReadOptions & { bounds?: AnswerBounds } = {},
  ): Promise<VaultPage> {
    const view = { reader, vaultId, what };
    return what.wait === undefined
      ? this.views.read(view, bounds)
      : this.followers.readWithin(what.wait, view, bounds);
  }

  async read(reader: Reader, vaultId: string, options: ReadOptions = {}) {
    return (await this.readPage(reader, vaultId, options)).entries;
  }

  meta(reader: Reader, vaultId: string) {
    return this.reader.meta(reader, vaultId);
  }

  proof(reader: Reader, vaultId: string, part: ProofPart & { maxBytes?: number }) {
    return this.reader.proof(reader, vaultId, { maxBytes: BOUNDS.maxBytes, ...part });
  }

  watch(reader: Reader, vaultId: string, options: WatchOptions) {
    return this.followers.watch(reader, vaultId, options);
  }

  changes(reader: Reader, signal?: AbortSignal) {
    return this.changeFeed.listed(reader, signal);
  }
}
