import { readFileSync } from 'node:fs';
import { explainSystemError } from '../complaint.ts';
import { replaceFile } from '../replace-file.ts';

/** The file that remembers where a watch was cannot be used. The message says why. */
export class WatchStateError extends Error {
  override readonly name = 'WatchStateError';
}

/** The place of a watch in its vault, in a file, so that the next watch continues there. */
export class WatchState {
  readonly #file: string;
  readonly #vaultId: string;

  constructor(file: string, vaultId: string) {
    this.#file = file;
    this.#vaultId = vaultId;
  }

  /** @returns the seq of the last row that was dealt with; undefined without a file @throws WatchStateError */
  load(): number | undefined {
    let text: string;
    try {
      text = readFileSync(this.#file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw this.#refuse('read', error);
    }
    const { vault_id, seq } = this.#parse(text);
    if (vault_id !== this.#vaultId)
      throw new WatchStateError(`${this.#file} belongs to the vault ${vault_id}. Use one file a vault.`);
    return seq;
  }

  /** @throws WatchStateError */
  save(seq: number): void {
    try {
      replaceFile(this.#file, `${JSON.stringify({ vault_id: this.#vaultId, seq })}\n`);
    } catch (error) {
      throw this.#refuse('written', error);
    }
  }

  #parse(text: string): { vault_id: string; seq: number } {
    try {
      const { vault_id, seq } = JSON.parse(text);
      if (typeof vault_id === 'string' && Number.isSafeInteger(seq) && seq >= 0) return { vault_id, seq };
    } catch {} // not JSON: refused below
    throw new WatchStateError(
      `${this.#file} does not hold the place of a watch. Name another file, or remove it.`,
    );
  }

  #refuse(verb: string, error: unknown): WatchStateError {
    const why = explainSystemError(error as NodeJS.ErrnoException);
    return new WatchStateError(`The file ${this.#file} cannot be ${verb}: ${why}.`);
  }
}
