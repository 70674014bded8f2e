import { isOperator, type Reader } from '../../access/policy.ts';
import { RelayError } from '../../errors.ts';
import type { ItemQuestion } from '../read/list-item-store.ts';
import type { VaultListItem } from '../schema.ts';
import type { CommittedWrite, VaultFeed } from './feed.ts';
import { RightToFollow } from './right-to-follow.ts';
import type { VaultWaiters } from './waiters.ts';

/** Most changed vaults that a subscription keeps until it delivers them. */
const MAX_CHANGED = 10_000;

/** Vaults whose items are read before they are delivered. */
const ITEMS_AT_ONCE = 100;

const tooFarBehind = () =>
  new RelayError(
    'SERVICE_UNAVAILABLE',
    'More vaults changed than this subscription delivered; list the vaults and subscribe again.',
    {
      retryAfter: 1,
    },
  );

const changesLost = () =>
  new RelayError('SERVICE_UNAVAILABLE', 'Changes may be missing; list the vaults and subscribe again.', {
    retryAfter: 1,
  });

/** A changed vault and its new head. */
export interface Change {
  vault_id: string;
  head: number;
}

/** A change with the vault as the list shows it with details. An operator gets none, because that would be a read to note. */
export interface ListedChange extends Change {
  item?: VaultListItem;
}

interface ChangeDeps {
  feed: VaultFeed;
  waiters: VaultWaiters;
  itemOf(question: ItemQuestion): Promise<VaultListItem | undefined>;
}

/** Subscriptions to the changed vaults of a reader. They last until the reader leaves. */
export class VaultChanges {
  readonly #deps: ChangeDeps;

  constructor(deps: ChangeDeps) {
    this.#deps = deps;
  }

  /**
   * Yields the changed vaults of the reader's work session, with their new heads, until the caller leaves. An operator gets
   * those of every work session.
   * @throws RelayError `UNAUTHORIZED` when the credential ends, `SERVICE_UNAVAILABLE` when the server stops, or changes of
   * other servers may be missing
   */
  async *changes(reader: Reader, signal?: AbortSignal): AsyncGenerator<Change> {
    yield* this.#follow(reader, signal, (changed) => changed);
  }

  /**
   * The same, with the vaults as the list shows them. Their items are read after the change, so they are at least as new.
   * @throws RelayError as `changes`
   */
  async *listed(reader: Reader, signal?: AbortSignal): AsyncGenerator<ListedChange> {
    yield* this.#follow(reader, signal, (changed) => this.#withItems(reader, changed));
  }

  async #withItems(reader: Reader, changed: Change[]): Promise<ListedChange[]> {
    if (isOperator(reader)) return changed;
    const { workSessionId } = reader;
    return Promise.all(
      changed.map(async (change) => {
        const item = await this.#deps.itemOf({ vaultId: change.vault_id, workSessionId });
        return item ? { ...change, item } : change;
      }),
    );
  }

  /** Yields the changes as they are shown, until the reader leaves or may read no more. */
  async *#follow<T extends Change>(
    reader: Reader,
    signal: AbortSignal | undefined,
    show: (changed: Change[]) => T[] | Promise<T[]>,
  ): AsyncGenerator<T> {
    const heads = new Map<string, number>();
    let wake = () => {};
    const stopListening = this.#deps.feed.listen(({ workSessionId, vaultId, seq }) => {
      // One vault above the limit marks the subscription as too far behind.
      if (!concerns(reader, { workSessionId, vaultId }) || (heads.size > MAX_CHANGED && !heads.has(vaultId)))
        return;
      heads.set(vaultId, Math.max(heads.get(vaultId) ?? 0, seq));
      wake();
    });
    let isMissing = false;
    const right = new RightToFollow(this.#deps.waiters, {
      reader,
      signal,
      onEnd: () => wake(),
      onLookAgain: () => {
        isMissing = true;
      },
    });
    try {
      for (;;) {
        if (isMissing) throw changesLost();
        if (heads.size > MAX_CHANGED) throw tooFarBehind();
        const changed = [...heads].map(([vault_id, head]) => ({ vault_id, head }));
        heads.clear();
        for (let at = 0; at < changed.length; at += ITEMS_AT_ONCE) {
          if (right.hasLeft()) return;
          for (const shown of await show(changed.slice(at, at + ITEMS_AT_ONCE))) {
            if (right.hasLeft()) return;
            yield shown;
          }
        }
        if (right.hasLeft()) return;
        if (heads.size > 0 || isMissing) continue;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      right.cancel();
      stopListening();
    }
  }
}

/** Whether a reader who follows all vaults follows this one. */
export const concerns = (
  reader: Reader,
  { workSessionId, vaultId }: Pick<CommittedWrite, 'workSessionId' | 'vaultId'>,
): boolean =>
  isOperator(reader) ||
  (workSessionId === reader.workSessionId && (reader.vaults?.includes(vaultId) ?? true));
