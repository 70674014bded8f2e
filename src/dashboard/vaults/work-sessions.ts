import { useQuery } from '@tanstack/react-query';
import { useSession } from '../api/session.tsx';
import { browserStorage } from '../ui/storage.ts';

export const WORK_SESSIONS_KEY = ['operator', 'work-sessions'];

const KEY = 'vault-relay.work-sessions';

/** Work sessions that are kept: those with a vault but without a session are known from here only. */
const MAX_KEPT = 20;

function readKept(): string[] {
  const kept = browserStorage.get(KEY);
  return Array.isArray(kept) ? kept.filter((id): id is string => typeof id === 'string') : [];
}

/** Keeps the work session that an operator acted in last, for the next choice. */
export const rememberWorkSession = (id: string): void =>
  browserStorage.set(KEY, [id, ...readKept().filter((other) => other !== id)].slice(0, MAX_KEPT));

/** The work sessions that an operator may choose from, the last one first; undefined until they are known. */
export function useWorkSessions(): string[] | undefined {
  const { client, isOperator } = useSession();
  const { data, isError } = useQuery({
    queryKey: WORK_SESSIONS_KEY,
    queryFn: async ({ signal }) => {
      const { work_sessions } = await client.operator.status.query(undefined, { signal });
      return work_sessions.map(({ work_session_id }) => work_session_id);
    },
    enabled: isOperator,
  });
  if (!data && !isError) return undefined;
  return [...new Set([...readKept(), ...(data ?? [])])];
}
