import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { Client } from '../api/client.ts';
import { useSession } from '../api/session.tsx';
import { rememberWorkSession, useWorkSessions, WORK_SESSIONS_KEY } from '../vaults/work-sessions.ts';

export const ACCESS_KEY = ['access'];

/** Rows that a list shows at most. */
export const MAX_ROWS = 1000;
/** Work sessions whose keys an operator sees. */
const MAX_WORK_SESSIONS = 50;

type Session = Awaited<ReturnType<Client['session']['list']['query']>>['sessions'][number];
type Key = Awaited<ReturnType<Client['key']['listPage']['query']>>['keys'][number];

export type { Key, Session };

interface Listed<Row> {
  rows: Row[];
  /** Whether there are more. */
  cut: boolean;
}

const isLive = ({ state }: Key): boolean => state === 'live';

/** The keys of a work session that work. Pages begin with the oldest, which may be revoked ones. */
async function readKeys(
  client: Client,
  workSession: string | undefined,
  signal: AbortSignal,
): Promise<Listed<Key>> {
  const rows: Key[] = [];
  let cursor: string | undefined;
  do {
    const input = {
      limit: MAX_ROWS,
      ...(workSession !== undefined && { work_session_id: workSession }),
      ...(cursor !== undefined && { cursor }),
    };
    const page: Awaited<ReturnType<Client['key']['listPage']['query']>> = await client.key.listPage.query(
      input,
      { signal },
    );
    rows.push(...page.keys.filter(isLive));
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined && rows.length < MAX_ROWS);
  return { rows, cut: cursor !== undefined };
}

/** The sessions of people that work. */
export function usePeople() {
  const { client } = useSession();
  return useQuery({
    queryKey: [...ACCESS_KEY, 'people'],
    queryFn: async ({ signal }): Promise<Listed<Session>> => {
      const { sessions, next } = await client.person.list.query({ live: true, limit: MAX_ROWS }, { signal });
      return { rows: sessions, cut: next !== null };
    },
  });
}

/** The sessions of agents that work. */
export function useSessions() {
  const { client } = useSession();
  return useQuery({
    queryKey: [...ACCESS_KEY, 'sessions'],
    queryFn: async ({ signal }): Promise<Listed<Session>> => {
      const { sessions, next } = await client.session.list.query({ live: true, limit: MAX_ROWS }, { signal });
      return { rows: sessions.filter(({ kind }) => kind === 'session'), cut: next !== null };
    },
  });
}

/** The keys that work, the newest first: of the person's work session, or of those that an operator may choose from. */
export function useKeys() {
  const { client, isOperator } = useSession();
  const known = useWorkSessions();
  return useQuery({
    queryKey: [...ACCESS_KEY, 'keys', ...(known ?? [])],
    queryFn: async ({ signal }): Promise<Listed<Key>> => {
      const asked = isOperator ? (known ?? []).slice(0, MAX_WORK_SESSIONS) : [undefined];
      const lists = await Promise.all(asked.map((workSession) => readKeys(client, workSession, signal)));
      const rows = lists.flatMap((list) => list.rows);
      return {
        rows: rows.toSorted((a, b) => b.created_at.localeCompare(a.created_at)),
        cut: lists.some(({ cut }) => cut) || (known?.length ?? 0) > asked.length,
      };
    },
    enabled: !isOperator || known !== undefined,
  });
}

/** What is revoked: a session of an agent or of a person by its fingerprint, or a key by its id. */
export interface Target {
  kind: 'session' | 'key';
  id: string;
  /** As the list names it. */
  name: string;
  /** Whether it is a session of the person who asks. */
  own: boolean;
}

export function useRevoke() {
  const { client } = useSession();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: async ({ kind, id }: Target) => {
      await (kind === 'key'
        ? client.key.revoke.mutate({ id })
        : client.session.revoke.mutate({ session: id }));
    },
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ACCESS_KEY }),
  });
}

type NewKey = Parameters<Client['key']['create']['mutate']>[0];

export function useCreateKey() {
  const { client } = useSession();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (input: NewKey) => client.key.create.mutate(input),
    // A repeat after a lost answer would make another key.
    retry: false,
    onSuccess: ({ work_session_id }) => {
      rememberWorkSession(work_session_id);
      return Promise.all([
        queryClient.invalidateQueries({ queryKey: ACCESS_KEY }),
        queryClient.invalidateQueries({ queryKey: WORK_SESSIONS_KEY }),
      ]);
    },
    // The answer has the secret, which no cache keeps.
    gcTime: 0,
  });
}
