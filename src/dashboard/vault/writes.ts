import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { Client } from '../api/client.ts';
import { useSession } from '../api/session.tsx';
import { addRows, keysOf, useMeta } from './queries.ts';
import type { Row } from './rows.ts';

interface Written {
  text: string;
  idempotency_key: string;
  /** Why it may be written although it looks like a secret. */
  allow_secret?: string | undefined;
}

/** The client that writes into a vault: an operator acts in the work session of the vault. */
function useWriter(vaultId: string): Client {
  const { client, clientIn, isOperator } = useSession();
  const { data: meta } = useMeta(vaultId);
  return isOperator && meta ? clientIn(meta.work_session_id) : client;
}

/** Writes a new entry. @param onWritten is called also when the page was left before the answer came */
export function useAppend(vaultId: string, onWritten: (written: Written) => void) {
  const client = useWriter(vaultId);
  const { writesAs } = useSession();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (input: Written) => client.vault.append.mutate({ vault_id: vaultId, ...input }),
    onSuccess: (place, input) => {
      addRows(queryClient, vaultId, [ownRow(writesAs, { ...place, content: input.text })]);
      onWritten(input);
    },
  });
}

/**
 * Writes the next version of an entry, if it still has the version that the person saw.
 * @param onWritten is called also when the page was left before the answer came
 */
export function useOverride(vaultId: string, onWritten: (written: Written) => void) {
  const client = useWriter(vaultId);
  const { writesAs } = useSession();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (input: Written & { base: Row }) => {
      const { base, ...written } = input;
      const { entry_no: entry_id, version: expected_version } = base;
      return client.vault.override.mutate({ vault_id: vaultId, entry_id, expected_version, ...written });
    },
    onSuccess: (place, input) => {
      const { text: content, base } = input;
      addRows(queryClient, vaultId, [ownRow(writesAs, { ...place, content, tags: base.tags })]);
      onWritten(input);
    },
  });
}

/** Replaces the summary, if it is still the one that the person saw. */
export function useSetSummary(vaultId: string, onWritten: (written: Written) => void) {
  const client = useWriter(vaultId);
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (input: Written & { expected_summary_version: number }) =>
      client.vault.setSummary.mutate({ vault_id: vaultId, ...input }),
    onSuccess: (_, input) => onWritten(input),
    onSettled: () => queryClient.invalidateQueries({ queryKey: keysOf(vaultId).meta }),
  });
}

/** What was just written, as it looks until the stream brings it: rows of others before it may be on their way. */
function ownRow(writer_id: string, row: Pick<Row, 'seq' | 'entry_no' | 'version' | 'content' | 'tags'>): Row {
  return { ...row, kind: 'content', writer_id, created_at: new Date().toISOString() };
}
