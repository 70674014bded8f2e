import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useSession } from '../api/session.tsx';
import { useHistory } from '../vault/queries.ts';
import { CHAIN_START, type Verdict, verifyRows } from './chain.ts';

/** Rows that are verified at a time; in between, the page answers. */
const STEP = 500;

const START: Verdict = { seq: 0, hash: CHAIN_START };

/**
 * Verifies the vault's chain in this browser, and goes on when rows arrive.
 * @returns how far it holds, and up to which row there is something to verify
 */
export function useVerdict(vaultId: string): { verdict: Verdict; head: number | undefined } {
  const { client } = useSession();
  const queryClient = useQueryClient();
  const { data } = useHistory(vaultId);
  const [verdict, setVerdict] = useState(START);
  useEffect(() => {
    if (!data || verdict.brokenAt !== undefined || verdict.seq >= data.head) return;
    const input = { vault_id: vaultId, since: verdict.seq, limit: STEP };
    const queryKey = ['vault', vaultId, 'proof', verdict.seq, data.head];
    let stopped = false;
    const texts = new Map(data.entries.map(({ seq, content }) => [seq, content]));
    const verify = async () => {
      const proof = await queryClient.fetchQuery({
        queryKey,
        queryFn: ({ signal }) => client.vault.proof.query(input, { signal }),
        gcTime: 0,
      });
      // What has arrived since is not in the history yet: its turn comes with it.
      const rows = proof.rows.filter(({ seq }) => seq <= data.head);
      if (!stopped) setVerdict(verifyRows(vaultId, verdict, rows, (seq) => texts.get(seq)));
    };
    // Without an answer there is no verdict; the page says that the server is away.
    verify().catch(() => undefined);
    return () => {
      stopped = true;
      void queryClient.cancelQueries({ queryKey });
    };
  }, [client, queryClient, vaultId, data, verdict]);
  return { verdict, head: data?.head };
}
