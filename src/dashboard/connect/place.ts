import { skipToken, useQuery } from '@tanstack/react-query';
import { usePath } from '../address.ts';
import { useSession } from '../api/session.tsx';

/** Where an agent is connected to. */
export interface Place {
  /** The vault whose page is open. */
  vaultId: string | undefined;
  /** The work session of the agent; undefined where an operator has to choose. */
  workSession: string | undefined;
}

/** @returns a part of the address; one that is not valid percent-encoding as it is, because no vault has it */
function decode(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

/** What the page says of the place in which an agent is connected. */
export function usePlace(): Place {
  const [path] = usePath();
  const { client, me, isOperator } = useSession();
  const [, encoded] = /^\/v\/([^/]+)/.exec(path) ?? [];
  const vaultId = encoded === undefined ? undefined : decode(encoded);
  const { data: meta } = useQuery({
    queryKey: ['vault', vaultId, 'meta'],
    queryFn:
      vaultId === undefined
        ? skipToken
        : ({ signal }) => client.vault.meta.query({ vault_id: vaultId }, { signal }),
  });
  const { data: who } = useQuery({
    queryKey: ['whoami'],
    queryFn: ({ signal }) => client.session.whoami.query(undefined, { signal }),
    staleTime: Number.POSITIVE_INFINITY,
    enabled: !isOperator && !me,
  });
  return {
    vaultId,
    workSession: meta?.work_session_id ?? me?.work_session_id ?? who?.work_session_id ?? undefined,
  };
}
