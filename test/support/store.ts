import type { Caller } from '../../src/access/policy.ts';
import type { WriteResult } from '../../src/vault/schema.ts';
import { VaultStore } from '../../src/vault/store.ts';
import type { Write } from '../../src/vault/write/store.ts';

type Rest = Partial<Pick<Write, 'tags' | 'expected' | 'key'>>;

/** The store, with each kind of write as a call of its own. */
export class TestStore extends VaultStore {
  async #result(caller: Caller, write: Write): Promise<WriteResult> {
    const { replayed: _, ...result } = await this.write(caller, write);
    return result;
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
}
