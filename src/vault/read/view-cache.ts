import { LRUCache } from 'lru-cache';
import type { Metrics } from '../../observability/metrics.ts';
import type { Look, VaultStanding } from './page.ts';
import { PORTION_BYTES } from './portion-sql.ts';
import type { Portion, PortionWanted } from './portions.ts';

/** A view that takes more than this share of the cache is not kept, because it would evict many others. */
const LARGEST_SHARE = 8;

/** Bytes that a kept view takes beside its text: its objects, its keys and its place. */
const OVERHEAD_BYTES = 512;

/**
 * The rendered current view of a vault at one of its heads. It is the same for every reader, so it says nothing about one.
 * Its text is kept as bytes: a socket takes these without encoding them again, and they are outside of the heap.
 */
export class RenderedView implements Portion<number> {
  readonly rows = 0;
  readonly next = null;
  readonly more = false;
  readonly body: Buffer;
  readonly bytes: number;

  constructor(json: string) {
    // A slice of Node's shared buffer would keep all of that buffer in memory.
    this.body = Buffer.allocUnsafeSlow(Buffer.byteLength(json) + 2);
    this.body.write(`[${json}]`);
    this.bytes = this.body.length - 2;
  }

  get json(): string {
    return this.body.toString('utf8', 1, this.body.length - 1);
  }
}

interface Kept {
  head: number;
  headHash: string;
  view: RenderedView;
  /** The view has at most so many entries. */
  maxRows: number;
}

/**
 * Keeps the newest rendered view of vaults, the last used first, bounded in bytes. A view is found only by the head that a
 * statement has just returned together with the reader's access. So an answer is never older than that statement, and
 * the cache decides nothing about access.
 */
export class ViewCache {
  readonly #kept: LRUCache<string, Kept> | undefined;
  readonly #count: Metrics['viewRead'];

  /** @param maxBytes 0: keeps nothing */
  constructor(maxBytes: number, metrics: Pick<Metrics, 'viewRead' | 'gauge'>) {
    this.#count = metrics.viewRead;
    if (maxBytes === 0) return;
    const kept = new LRUCache<string, Kept>({
      maxSize: maxBytes,
      // A view above one portion would never be served.
      maxEntrySize: Math.min(Math.ceil(maxBytes / LARGEST_SHARE), PORTION_BYTES),
      sizeCalculation: ({ view }) => view.body.length + OVERHEAD_BYTES,
    });
    this.#kept = kept;
    metrics.gauge('readCacheBytes', () => kept.calculatedSize);
  }

  /** Whether a view of the vault is kept, and fits into the portion. */
  has(vaultId: string, { rows, bytes }: PortionWanted<number>): boolean {
    const kept = this.#kept?.peek(vaultId);
    return kept !== undefined && kept.maxRows <= rows && kept.view.bytes <= bytes;
  }

  /** @returns the view of the vault at this head, if it fits into the portion. An older one is dropped. */
  at(
    vaultId: string,
    { head, headHash }: VaultStanding,
    portion: PortionWanted<number>,
  ): RenderedView | undefined {
    const kept = this.#kept?.get(vaultId);
    // The view may have been replaced while the head was asked for.
    if (kept === undefined || !this.has(vaultId, portion)) return undefined;
    // After a restore from a backup, a head may return with other rows behind it.
    if (kept.head === head && kept.headHash === headHash) {
      this.#count('memory');
      return kept.view;
    }
    if (kept.head <= head) this.drop(vaultId);
    return undefined;
  }

  /** Keeps the view of a look that showed all of it. @returns the view; undefined where the cache is off */
  keep(vaultId: string, { head, headHash, portion }: Look, maxRows: number): RenderedView | undefined {
    this.#count('database');
    if (this.#kept === undefined) return undefined;
    const view = new RenderedView(portion.json);
    this.#kept.set(vaultId, { head, headHash, view, maxRows });
    return view;
  }

  /** Drops the view of a vault that has changed, so that the next read needs one statement and not two. */
  drop(vaultId: string): void {
    this.#kept?.delete(vaultId);
  }
}
