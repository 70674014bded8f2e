import { type QueryClient, skipToken, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useRef } from 'react';
import type { Client } from '../api/client.ts';
import { useConnection } from '../api/connection.ts';
import { useReload, useStream } from '../api/live.ts';
import { useSession } from '../api/session.tsx';
import {
  type AddRows,
  type Reading,
  readFirst,
  readNext,
  readSince,
  type ViewName,
  withNext,
} from './load.ts';
import { type Row, type View, withCurrent, withRows } from './rows.ts';
import { useShownHistory } from './shown-history.ts';

const keyOf = (vaultId: string, view: ViewName) => ['vault', vaultId, view];

export const keysOf = (vaultId: string) => ({
  current: keyOf(vaultId, 'current'),
  history: keyOf(vaultId, 'history'),
  meta: ['vault', vaultId, 'meta'],
});

function adderOf(view: ViewName): AddRows {
  if (view === 'current') return withCurrent;
  if (view === 'history') return withRows;
  return (rows, arrived) =>
    withRows(
      rows,
      arrived.filter((row) => row.entry_no === view),
    );
}

/** What is there is painted before the rest takes the processor. */
const PAUSE_MS = 50;
/** Window in which arriving rows are batched into one render. */
const GATHER_MS = 30;
/** The history of one entry is kept while it is shown: a person may look at many. */
const ENTRY_GC_MS = 0;

/** Reads a view, and what the stream has brought while the answer was on its way: the stream does not send it again. */
async function readAndCatchUp(reading: Reading, followedTo: () => number): Promise<View> {
  let view = await readFirst(reading);
  // A vault that was restored from a copy stands where it stood then, and is not followed beyond that.
  for (let before = -1; view.head < followedTo() && view.head > before; ) {
    before = view.head;
    for await (const page of readSince(reading, view.head)) {
      view = { ...view, entries: adderOf(reading.view)(view.entries, page.entries), head: page.head };
    }
  }
  return view;
}

const followedTo = (queryClient: QueryClient, vaultId: string): number =>
  queryClient.getQueryData<View>(keysOf(vaultId).current)?.head ?? 0;

/** A view of the vault: its first rows at once, the others as they come. */
function useView(vaultId: string, view: ViewName) {
  const { client } = useSession();
  const { lost } = useConnection();
  const queryClient = useQueryClient();
  const queryKey = keyOf(vaultId, view);
  const query = useQuery({
    queryKey,
    queryFn: ({ signal }) =>
      readAndCatchUp({ client, vaultId, view, signal }, () => followedTo(queryClient, vaultId)),
    staleTime: Number.POSITIVE_INFINITY,
    ...(typeof view === 'number' && { gcTime: ENTRY_GC_MS }),
    meta: { followed: true },
  });
  const next = query.data?.next ?? null;
  useEffect(() => {
    if (next === null || lost) return;
    const nextKey = [...keyOf(vaultId, view), next];
    const readOn = async () => {
      const page = await queryClient.fetchQuery({
        queryKey: nextKey,
        queryFn: ({ signal }) => readNext({ client, vaultId, view, signal }, next),
        gcTime: 0,
      });
      queryClient.setQueryData<View>(keyOf(vaultId, view), (loaded) =>
        loaded?.next === next ? withNext(loaded, page, adderOf(view)) : loaded,
      );
    };
    // Resumes after a reconnect.
    const timer = setTimeout(() => void readOn().catch(() => undefined), PAUSE_MS);
    return () => {
      clearTimeout(timer);
      void queryClient.cancelQueries({ queryKey: nextKey });
    };
  }, [client, queryClient, vaultId, view, next, lost]);
  return query;
}

/** The vault's entries, each in its highest version. */
export const useCurrent = (vaultId: string) => useView(vaultId, 'current');

/** Every row of the vault, of both kinds, by `seq`. */
export const useHistory = (vaultId: string) => useView(vaultId, 'history');

/** Every version of an entry, by `seq`. @param entryNo 0: the summary */
export const useEntryHistory = (vaultId: string, entryNo: number) => useView(vaultId, entryNo);

/** The metadata of the vault. */
export function useMeta(vaultId: string) {
  const { client } = useSession();
  return useQuery({
    queryKey: keysOf(vaultId).meta,
    queryFn: ({ signal }) => client.vault.meta.query({ vault_id: vaultId }, { signal }),
  });
}

/** All loaded data of the vault. The object is replaced only when it changes. */
export function useLoaded(vaultId: string) {
  const { data: current } = useCurrent(vaultId);
  const { data: meta } = useMeta(vaultId);
  const { data: history } = useQuery<View>({ queryKey: keysOf(vaultId).history, queryFn: skipToken });
  const entryNo = useShownHistory()?.entryNo;
  const { data: shown } = useQuery<View>({
    queryKey: keyOf(vaultId, entryNo ?? 'history'),
    queryFn: skipToken,
    ...(entryNo !== undefined && { gcTime: ENTRY_GC_MS }),
  });
  return useMemo(() => {
    const views: [ViewName, View | undefined][] = [
      ['current', current],
      ['history', history],
    ];
    if (entryNo !== undefined) views.push([entryNo, shown]);
    return { views, head: current?.head, meta };
  }, [current, history, entryNo, shown, meta]);
}

/** Whether the person may write into the vault: it is of their own work session, or they act in each one. */
export function useOwn(vaultId: string): boolean | undefined {
  const { client, readOnly, isOperator } = useSession();
  const { data: meta } = useMeta(vaultId);
  const { data: who } = useQuery({
    queryKey: ['whoami'],
    queryFn: ({ signal }) => client.session.whoami.query(undefined, { signal }),
    staleTime: Number.POSITIVE_INFINITY,
    enabled: !isOperator,
  });
  if (readOnly) return false;
  if (isOperator) return meta && true;
  return meta && who && meta.work_session_id === who.work_session_id;
}

type Meta = Awaited<ReturnType<Client['vault']['meta']['query']>>;

/** What rows that arrived say of the vault, until the server is asked again. */
function addToMeta(meta: Meta, rows: readonly Row[]): Meta {
  const added = rows.filter(({ seq }) => seq > meta.head);
  const last = added.at(-1);
  if (!last) return meta;
  const content = added.filter(({ kind }) => kind === 'content');
  const summary = added.findLast(({ kind }) => kind === 'summary');
  return {
    ...meta,
    ...(summary && { summary: summary.content, summary_version: summary.version }),
    entries: meta.entries + content.filter(({ version }) => version === 1).length,
    versions: meta.versions + content.length,
    changed_at: last.created_at,
    head: last.seq,
  };
}

const isView = (name: unknown): name is ViewName =>
  name === 'current' || name === 'history' || typeof name === 'number';

/** Puts rows into what was loaded. @param head up to where nothing is missing, if the rows move that */
export function addRows(queryClient: QueryClient, vaultId: string, rows: readonly Row[], head = 0): void {
  for (const { queryKey } of queryClient.getQueryCache().findAll({ queryKey: ['vault', vaultId] })) {
    const view = queryKey[2];
    // Not the pages of a view, whose keys are longer.
    if (queryKey.length > 3 || !isView(view)) continue;
    queryClient.setQueryData<View>(
      queryKey,
      (loaded) =>
        loaded && {
          ...loaded,
          entries: adderOf(view)(loaded.entries, rows),
          head: Math.max(loaded.head, head),
        },
    );
  }
}

/** Batches arriving rows. @returns a function that accepts a row */
function useGathered(work: (rows: Row[]) => void): (row: Row) => void {
  const latest = useRef(work);
  const state = useRef({ rows: [] as Row[], timer: undefined as ReturnType<typeof setTimeout> | undefined });
  useEffect(() => {
    latest.current = work;
  });
  useEffect(() => () => clearTimeout(state.current.timer), []);
  return (row) => {
    state.current.rows.push(row);
    state.current.timer ??= setTimeout(() => {
      const { rows } = state.current;
      state.current = { rows: [], timer: undefined };
      latest.current(rows);
    }, GATHER_MS);
  };
}

/**
 * Subscribes to the vault from the loaded head.
 * @param loaded whether it was
 * @param onRows receives rows after they are merged
 */
export function useWatch(vaultId: string, loaded: boolean, onRows: (rows: Row[]) => void): void {
  const { client } = useSession();
  const queryClient = useQueryClient();
  const { current, meta } = keysOf(vaultId);
  const reloadMeta = useReload(meta);
  const gather = useGathered((rows) => {
    addRows(queryClient, vaultId, rows, rows.at(-1)?.seq);
    queryClient.setQueryData<Meta>(meta, (known) => known && addToMeta(known, rows));
    reloadMeta();
    onRows(rows);
  });
  useStream(
    (handlers) =>
      client.vault.watch.subscribe(
        { vault_id: vaultId, since: queryClient.getQueryData<View>(current)?.head ?? 0, kind: 'all' },
        { ...handlers, onData: ({ data: row }) => gather(row) },
      ),
    loaded ? `watch ${vaultId}` : undefined,
  );
}
