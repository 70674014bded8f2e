import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useReload, useStream } from '../api/live.ts';
import { useSession } from '../api/session.tsx';

const LIST_KEY = ['vaults'];

/** The vaults that hold a text, the one that changed last first; kept up to date. @param q empty: all */
export function useVaults(q: string) {
  const { client } = useSession();
  const reload = useReload(LIST_KEY);
  useStream(
    (handlers) =>
      client.vault.changes.subscribe(undefined, { ...handlers, onStarted: reload, onData: () => reload() }),
    'changes',
  );
  return useQuery({
    queryKey: [...LIST_KEY, q],
    queryFn: ({ signal }) => client.vault.list.query({ details: true, ...(q ? { q } : {}) }, { signal }),
    placeholderData: keepPreviousData,
    select: (vaults) => vaults.toSorted((a, b) => (b.changed_at ?? '').localeCompare(a.changed_at ?? '')),
  });
}

/** Makes a vault. */
export function useCreateVault() {
  const { client } = useSession();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (input: { summary: string; idempotency_key: string }) => client.vault.create.mutate(input),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: LIST_KEY }),
  });
}
