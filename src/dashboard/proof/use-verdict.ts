import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import type { Client } from '../api/client.ts';
import { useConnection } from '../api/connection.ts';
import { useSession } from '../api/session.tsx';
import { useLoaded } from '../vault/queries.ts';
import { type Misfit, Verifier } from './verifier.ts';

/** Rows of the chain that are read at a time. */
const PORTION = 1000;
/** Between two reads of the chain of a vault that changes all the time. */
const PAUSE_MS = 2000;
/** The same where each read is kept in the audit log: of an operator, or from another work session. */
const NOTED_PAUSE_MS = 30_000;

/** How far what the page shows is verified. */
export interface Verdict {
  /** The last row that is verified, and its hash. */
  seq: number;
  hash: string;
  /** The last row that the page has loaded. */
  head: number | undefined;
  /** Whether every row that the page shows is verified. */
  done: boolean;
  misfit: Misfit | undefined;
}

const NOTHING: Verdict = { seq: 0, hash: '', head: undefined, done: false, misfit: undefined };

type Loaded = ReturnType<typeof useLoaded>;

interface Reading {
  client: Client;
  queryClient: QueryClient;
  vaultId: string;
}

/** Reads the chain up to a head. @returns whether it reaches it */
async function readChain(
  verifier: Verifier,
  head: number,
  { client, queryClient, vaultId }: Reading,
): Promise<boolean> {
  const since = verifier.verified.seq;
  if (since >= head) {
    if (since > head) verifier.noteLoss();
    return true;
  }
  const proof = await queryClient.fetchQuery({
    queryKey: ['vault', vaultId, 'proof', since, head],
    queryFn: ({ signal }) =>
      client.vault.proof.query({ vault_id: vaultId, since, limit: PORTION }, { signal }),
    gcTime: 0,
  });
  // Newer rows are verified when the page has loaded them.
  const rows = proof.rows.filter(({ seq }) => seq <= head);
  if (rows.length === 0) verifier.noteGap(head);
  await verifier.addChain(rows);
  return verifier.verified.seq >= head;
}

/** Checks everything that is loaded, as far as the chain is verified. @returns whether that is all of it */
async function checkShown(verifier: Verifier, { views, meta }: Loaded): Promise<boolean> {
  let done = true;
  for (const [name, view] of views) {
    if (!view || verifier.misfit) continue;
    const hashed = await verifier.checkRows(view.entries);
    const complete = view.next === null && view.head <= verifier.verified.seq;
    if (complete && hashed) verifier.checkComplete(view, name);
    done &&= hashed && complete;
  }
  if (meta && !verifier.misfit) done = (await verifier.checkSummary(meta)) && done;
  return done;
}

/**
 * Verifies the vault in this browser: its chain, and each row that the page shows, in the current view, in the history
 * and in the history of an entry. It goes on when rows arrive.
 * @param own whether the vault is of the person's own work session
 */
export function useVerdict(vaultId: string, own: boolean | undefined): Verdict {
  const { client } = useSession();
  const { lost } = useConnection();
  const queryClient = useQueryClient();
  const loaded = useLoaded(vaultId);
  const [verdict, setVerdict] = useState(NOTHING);
  const latest = useRef({ loaded, lost, own });
  const wake = useRef(() => {});
  useEffect(() => {
    const abort = new AbortController();
    const verifier = new Verifier(vaultId, abort.signal);
    const sleep = (ms?: number) =>
      new Promise<void>((resolve) => {
        if (ms === undefined) wake.current = resolve;
        else setTimeout(resolve, ms);
      });
    let checked: Loaded | undefined;
    const work = async () => {
      const { loaded: shown, lost: away } = latest.current;
      const { head } = shown;
      if (head === undefined || away || shown === checked) return sleep();
      const reached = await readChain(verifier, head, { client, queryClient, vaultId });
      const done = (await checkShown(verifier, shown)) && reached;
      if (abort.signal.aborted) return;
      setVerdict({ ...verifier.verified, head, done, misfit: verifier.misfit });
      if (!reached) return;
      checked = shown;
      await sleep(latest.current.own ? PAUSE_MS : NOTED_PAUSE_MS);
    };
    const workOn = async () => {
      while (!abort.signal.aborted && !verifier.misfit) {
        // No verdict without an answer. The outage banner reports the unreachable server.
        await work().catch(() => sleep(PAUSE_MS));
      }
    };
    void workOn();
    return () => {
      abort.abort();
      verifier.stop();
      wake.current();
    };
  }, [client, queryClient, vaultId]);
  useEffect(() => {
    latest.current = { loaded, lost, own };
    wake.current();
  }, [loaded, lost, own]);
  return verdict;
}
