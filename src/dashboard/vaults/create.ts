import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useSession } from '../api/session.tsx';
import { LIST_KEY } from './queries.ts';
import { rememberWorkSession } from './work-sessions.ts';

interface NewVault {
  summary: string;
  /** The one that an operator makes the vault in; undefined: the person's own. */
  workSession: string | undefined;
  idempotency_key: string;
}

/** Makes a vault. */
export function useCreateVault() {
  const { client, clientIn } = useSession();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: ({ workSession, ...input }: NewVault) =>
      (workSession === undefined ? client : clientIn(workSession)).vault.create.mutate(input),
    onSuccess: (_, { workSession }) => {
      if (workSession !== undefined) rememberWorkSession(workSession);
      return queryClient.invalidateQueries({ queryKey: LIST_KEY });
    },
  });
}
