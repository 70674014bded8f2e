import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import type { Client } from '../api/client.ts';
import { useSession } from '../api/session.tsx';
import { LIST_KEY, useChanges } from './queries.ts';

/** A version of an entry or of a summary that a search has found. */
export type Hit = Awaited<ReturnType<Client['search']['query']>>['hits'][number];

/** What is searched for. */
export interface HitFilter {
  q: string;
  /** The proven author; empty: any. */
  author: string;
  /** Whether versions that are not current are found too. */
  older: boolean;
}

/** Hits that are read at a time, and readings that a page holds at most. */
const PORTION = 50;
const MAX_PORTIONS = 20;

/** What a search finds, newest first; kept up to date. */
export function useHits({ q, author, older }: HitFilter) {
  const { client } = useSession();
  const ready = useChanges({ q, author });
  const { data, hasNextPage, ...query } = useInfiniteQuery({
    queryKey: [...LIST_KEY, 'hits', q, author, older],
    queryFn: ({ signal, pageParam }) =>
      client.search.query(
        {
          q,
          limit: PORTION,
          ...(author && { author }),
          ...(older && { history: true }),
          ...(pageParam && { cursor: pageParam }),
        },
        { signal },
      ),
    initialPageParam: '',
    getNextPageParam: ({ next_cursor }) => next_cursor,
    enabled: ready,
    staleTime: 0,
    placeholderData: keepPreviousData,
  });
  const hits = data?.pages.flatMap((page) => page.hits);
  return { ...query, hits, canReadMore: hasNextPage && (data?.pages.length ?? 0) < MAX_PORTIONS };
}
