import { LRUCache } from 'lru-cache';
import type { Metrics } from '../../observability/metrics.ts';
import { type HeadAnswer, MAX_NEWER } from '../follow/head-store.ts';
import type { Look, VaultStanding } from './page.ts';
import { PORTION_BYTES } from './portion-sql.ts';
import type { PortionWanted } from './portions.ts';
import { RenderedView } from './rendered-view.ts';

/** A view that takes more than this share of the cache is not kept, because it would evict many others. */
const LARGEST_SHARE = 8;

/** Bytes that a kept view takes beside its text: its objects, its keys and its place. */
const OVERHEAD_BYTES = 512;

interface Kept {
  head: number;
  headHash: string;
  view: RenderedView;
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
    return kept !== undefined && kept.view.entries <= rows && kept.view.bytes <= bytes;
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
  keep(vaultId: string, { head, headHash, portion }: Look): RenderedView | undefined {
    this.#count('database');
    if (this.#kept === undefined) return undefined;
    const view = RenderedView.of(portion.json);
    this.#kept.set(vaultId, { head, headHash, view });
    return view;
  }

  /** @returns the head of the kept view, if any */
  headOf(vaultId: string): number | undefined {
    return this.#kept?.peek(vaultId)?.head;
  }

  /**
   * Adds the rows that the kept view lacks, if they follow it: the first of them is the row at its head. A row of a kind that
   * is unknown here may change the text of older ones, so the view is dropped.
   */
  advance(vaultId: string, { head, headHash, newer }: HeadAnswer): void {
    const kept = this.#kept?.peek(vaultId);
    const [at, ...rows] = newer ?? [];
    if (kept === undefined || at?.[0] !== kept.headHash) return;
    const entries = new Map<number, string>();
    for (const [, kind, entryNo, json] of rows) {
      if (kind === 'summary') continue;
      if (kind !== 'content' || json === null) {
        this.drop(vaultId);
        return;
      }
      entries.set(entryNo, json);
    }
    const view = entries.size === 0 ? kept.view : kept.view.with(entries);
    this.#kept?.set(vaultId, { head, headHash, view });
  }

  /** Drops the view of a vault whose head is too far ahead of it, so that the next read needs one statement and not two. */
  outrun(vaultId: string, head: number): void {
    if (head - (this.headOf(vaultId) ?? head) > MAX_NEWER) this.drop(vaultId);
  }

  /** Drops the view of a vault. */
  drop(vaultId: string): void {
    this.#kept?.delete(vaultId);
  }
}
