import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ACCESS_KEY } from '../access/queries.ts';
import { useStream } from '../api/live.ts';
import { useSession } from '../api/session.tsx';

/** @param id of a key @returns when it was first used; undefined until it was */
export function useFirstUse(id: string): string | undefined {
  const { client } = useSession();
  const queryClient = useQueryClient();
  const [usedAt, setUsedAt] = useState<string | undefined>();
  useStream(
    (handlers) =>
      client.key.firstUse.subscribe(
        { id },
        {
          ...handlers,
          onData: ({ used_at }) => {
            setUsedAt(used_at);
            void queryClient.invalidateQueries({ queryKey: ACCESS_KEY });
          },
        },
      ),
    usedAt === undefined ? id : undefined,
  );
  return usedAt;
}
