import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import type { AppRouter } from '../../router.ts';
import type { Client } from '../api/client.ts';
import { useStream, useThrottled } from '../api/live.ts';
import { useSession } from '../api/session.tsx';
import { type Filter, matches, toInput } from './filter.ts';
import { mergeRows } from './groups.ts';
import type { Row } from './row.ts';

type Page = Awaited<ReturnType<Client['activity']['page']['query']>>;

export type Hours = Awaited<ReturnType<Client['activity']['hours']['query']>>;

type Watched = AppRouter['activity']['watch']['_def']['$types']['output'];
type Event = Watched extends AsyncIterable<{ data: infer Data }> ? Data : never;
export type Presence = NonNullable<Extract<Event, { type: 'present' }>['present']>;
export type Present = Presence['clients'][number];

const ROWS_KEY = ['activity'];
const HOURS_KEY = ['activity-hours'];
export const HOURS = 48;

/** Rows of the stream that are kept beside the pages. */
const MAX_LIVE = 500;
/** How long the page waits for the stream: what happens before that opens would be missed. */
const STREAM_MS = 1000;
/** Between two reloads where rows may be missing. */
const RELOAD_MS = 15_000;

/** Meta of queries that the stream keeps up to date. */
const FOLLOWED = { followed: true };

export interface Live {
  /** Rows since the page was opened, the newest first. */
  rows: Row[];
  /** Undefined: not told yet. Null: not for this reader. */
  present: Presence | null | undefined;
  /** Whether what happens is followed, or nobody knows when it will be. */
  ready: boolean;
}

/** Follows what happens in all vaults by one stream. */
export function useLive(): Live {
  const { client } = useSession();
  const queryClient = useQueryClient();
  const [live, setLive] = useState<Live>({ rows: [], present: undefined, ready: false });
  const last = useRef<string>(undefined);
  const change = (changed: Partial<Live>) => setLive((known) => ({ ...known, ...changed }));
  useEffect(() => {
    const timer = setTimeout(() => setLive((known) => ({ ...known, ready: true })), STREAM_MS);
    return () => clearTimeout(timer);
  }, []);
  const reload = useThrottled(() => {
    for (const queryKey of [ROWS_KEY, HOURS_KEY]) void queryClient.invalidateQueries({ queryKey });
  }, RELOAD_MS);
  const take = (event: Event) => {
    if (event.type === 'gap') reload();
    else if (event.type === 'present') change({ present: event.present, ready: true });
    else
      setLive((known) => ({
        ...known,
        rows: mergeRows(event.rows, known.rows).slice(0, MAX_LIVE),
        ready: true,
      }));
  };
  useStream(
    (handlers) =>
      client.activity.watch.subscribe(
        { lastEventId: last.current },
        {
          ...handlers,
          onData: ({ id, data }) => {
            last.current = id;
            take(data);
          },
        },
      ),
    'activity',
  );
  return live;
}

/** What happened, page by page, with what the stream told since. */
export function useRows(filter: Filter, live: Live) {
  const { client } = useSession();
  const input = toInput(filter);
  const query = useInfiniteQuery({
    queryKey: [...ROWS_KEY, input],
    queryFn: ({ pageParam, signal }) =>
      client.activity.page.query({ ...input, ...(pageParam && { before: pageParam }) }, { signal }),
    initialPageParam: '',
    getNextPageParam: ({ before }: Page) => before,
    enabled: live.ready,
    staleTime: 0,
    meta: FOLLOWED,
  });
  const pages = query.data?.pages.map(({ rows }) => rows);
  const fresh = live.rows.filter((row) => matches(row, filter));
  return { ...query, rows: pages && mergeRows(fresh, ...pages) };
}

/** Adds rows that the stream told after the count. */
function addRows(hours: Hours, rows: readonly Row[]): Hours {
  const added = structuredClone(hours);
  for (const row of rows) {
    if (row.at <= hours.counted_at || row.what === 'read') continue;
    const hour = Math.floor((Date.parse(row.at) - Date.parse(hours.start)) / 3_600_000);
    const counts = added.hours[hour];
    if (!counts) continue;
    counts[row.what]++;
    let vault = added.vaults.find(({ vault_id }) => vault_id === row.vault_id);
    if (!vault) {
      vault = { vault_id: row.vault_id, vault: row.vault, rows: 0, hours: added.hours.map(() => 0) };
      added.vaults.push(vault);
    }
    vault.rows++;
    vault.hours[hour] = (vault.hours[hour] ?? 0) + 1;
  }
  return added;
}

/** How much was written in each of the last hours. It is loaded again when the next hour begins. */
export function useHours(live: Live): Hours | undefined {
  const { client } = useSession();
  const { data } = useQuery({
    queryKey: HOURS_KEY,
    queryFn: ({ signal }) => client.activity.hours.query({ hours: HOURS }, { signal }),
    enabled: live.ready,
    staleTime: 0,
    meta: FOLLOWED,
    refetchInterval: () => 3_600_000 - (Date.now() % 3_600_000) + 1000,
  });
  return data && addRows(data, live.rows);
}
