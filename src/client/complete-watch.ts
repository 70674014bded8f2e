import { TRPCClientError, type TRPCLink } from '@trpc/client';
import { observable } from '@trpc/server/observable';
import type { AppRouter } from '../router.ts';

interface Following {
  vault_id?: unknown;
  kind?: 'content' | 'summary' | 'all' | undefined;
  since?: number | undefined;
  lastEventId?: number | null | undefined;
}

/** A row as a subscription brings it. */
interface Arrived {
  seq: number;
  kind: 'content' | 'summary';
  author?: string;
}

/** The row of an event; undefined for events about the connection. */
const rowOf = (result: { data?: unknown }): Arrived | undefined =>
  (result.data as { data?: Arrived } | undefined)?.data;

/**
 * Checks that `vault.watch` misses no row. A row with an author has the number after that of the row before it, so a gap
 * shows. The server sends rows of every kind, because only they follow each other; the subscriber gets the kind it asked for.
 * A gap ends the subscription with an error. Rows from before vaults counted by themselves have no author, and pass unchecked.
 */
export const completeWatch: TRPCLink<AppRouter> =
  () =>
  ({ op, next }) => {
    if (op.path !== 'vault.watch') return next(op);
    return observable((observer) => {
      const { kind = 'content', ...following } = op.input as Following;
      let last = following.lastEventId ?? following.since ?? 0;
      return next({ ...op, input: { ...following, kind: 'all' } }).subscribe({
        ...observer,
        next: (event) => {
          const row = rowOf(event.result);
          if (!row) return observer.next(event);
          const isMissing = row.author !== undefined && row.seq > last + 1;
          if (isMissing) {
            const text = `Row ${row.seq} of vault ${following.vault_id} arrived after row ${last}, so rows are missing. Read the vault since ${last}, and watch it again.`;
            return observer.error(TRPCClientError.from(new Error(text)));
          }
          last = Math.max(last, row.seq);
          if (kind === 'all' || row.kind === kind) observer.next(event);
        },
      });
    });
  };
