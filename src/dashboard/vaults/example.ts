import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef } from 'react';
import { type Client, codeOf } from '../api/client.ts';
import { useSession } from '../api/session.tsx';
import { drawKey } from '../api/write-key.ts';
import { type Text, useText } from '../i18n/index.ts';
import { LIST_KEY } from './queries.ts';
import { rememberWorkSession, useWorkSessions } from './work-sessions.ts';

/** Does nothing where it is refused because of a conflict, which is wanted here. */
async function expectConflict(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (codeOf(error) !== 'CONFLICT') throw error;
  }
}

/**
 * Makes a vault with decisions, versions, tags, and a conflict that was resolved.
 * @param key begins the idempotency keys, so that a repeat goes on where an answer was lost
 * @returns the id of the vault
 */
export async function createExample(client: Client, t: Text['example'], key: string): Promise<string> {
  let writes = 0;
  const next = () => ({ idempotency_key: `${key}-${writes++}` });
  const { vault_id } = await client.vault.create.mutate({ summary: t.summary, ...next() });
  const append = (text: string, ...tags: string[]) =>
    client.vault.append.mutate({ vault_id, text, tags, ...next() });
  const override = (text: string, { entry_no, version }: { entry_no: number; version: number }) =>
    client.vault.override.mutate({
      vault_id,
      text,
      entry_id: entry_no,
      expected_version: version,
      ...next(),
    });

  await append(t.goal, t.tags.goal);
  await override(t.revised, await append(t.decision, t.tags.decision));
  const question = await append(t.question, t.tags.question);
  const answer = await override(t.answered, question);
  // The second writer has seen the question only.
  await expectConflict(override(t.late, question));
  await override(t.merged, answer);
  await append(t.next);
  return vault_id;
}

/**
 * Makes the example, in the work session of the person or the first that an operator knows.
 * @param onCreated is called also when the list shows the vault before the example is complete
 */
export function useExample(onCreated: (vaultId: string) => void) {
  const { example: t, workSession } = useText();
  const { client, clientIn, isOperator } = useSession();
  const known = useWorkSessions();
  const key = useRef('');
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: async () => {
      key.current ||= drawKey();
      if (!isOperator) return createExample(client, t, key.current);
      const place = known?.[0] ?? workSession.first;
      const vaultId = await createExample(clientIn(place), t, key.current);
      rememberWorkSession(place);
      return vaultId;
    },
    onSuccess: (vaultId) => {
      onCreated(vaultId);
      return queryClient.invalidateQueries({ queryKey: LIST_KEY });
    },
  });
}
