import type { Caller } from '../../access/policy.ts';
import { narrowed, operation } from '../../api/operation.ts';
import { mutation } from '../../api/trpc.ts';
import type { Secret } from '../../secrets/scan.ts';
import type { VaultInputs } from '../inputs.ts';
import { CreatedVault, RemovedWriter, SummaryResult, WriteResult } from '../schema.ts';
import type { VaultStore } from '../store.ts';
import { makeCreateTools, makeSummaryTools, makeWriteTools } from '../tools/write-tools.ts';
import type { Write } from './batch-store.ts';

const tags = ['vault'];

export const VAULT = 'v-7Kf3qDx02Z';

/** Most answers stay as they are. */
const withSecrets = <V extends object>(value: V, secrets: Secret[]): V & { secrets?: Secret[] } =>
  secrets.length === 0 ? value : { ...value, secrets };

/** The calls that change vaults. On REST, `write` is both append and override, as released clients call it. */
export function makeWriteProcedures(store: VaultStore, inputs: VaultInputs) {
  const submit = async (caller: Caller, what: Write & { allowSecret?: string | undefined }) => {
    const { replayed, entry_no, version, seq, secrets } = await store.writer.submit(caller, what);
    return { value: withSecrets({ entry_no, version, seq }, secrets), replayed };
  };

  const write = operation({
    who: 'caller',
    rest: {
      method: 'POST',
      path: '/vault/{vault_id}',
      operationId: 'writeEntry',
      tags,
      summary: 'Append or override an entry',
      description:
        'Without `entry_id`, appends version 1 of the next entry. With it, writes the next version of that entry, or answers 404 if the entry does not exist. With `expected_version`, writes only if the entry is still at that version. Otherwise 409 returns the current version.',
      successDescription: 'The entry was written. This version never changes.',
      errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'POSSIBLE_SECRET'],
      idempotent: true,
      versioned: true,
      needs: { expected_version: 'entry_id' },
      example: {
        request: { text: 'JWT in a cookie, 15 minutes', entry_id: 1 },
        answer: { entry_no: 1, version: 2, seq: 42 },
      },
    },
    mcp: makeWriteTools(inputs),
    input: inputs.write,
    output: WriteResult,
    run: (caller, input) => {
      const { vault_id: vaultId, text, tags: words, entry_id, expected_version } = input;
      const { idempotency_key: key, allow_secret: allowSecret } = input;
      const op = entry_id == null ? 'append' : 'override';
      const what = { op, vaultId, text, tags: words, key, allowSecret } as const;
      return submit(
        caller,
        entry_id == null ? what : { ...what, entryNo: entry_id, expected: expected_version },
      );
    },
  });

  return {
    create: mutation({
      who: 'caller',
      scope: 'create',
      rest: {
        method: 'POST',
        path: '/vault',
        operationId: 'createVault',
        tags,
        summary: 'Create a vault',
        description: 'Creates an empty vault that belongs to the work session of the caller.',
        successDescription: 'The vault was created.',
        errors: ['FORBIDDEN', 'CONFLICT', 'POSSIBLE_SECRET'],
        idempotent: true,
        example: { request: { summary: 'auth refactor' }, answer: { vault_id: VAULT } },
      },
      mcp: makeCreateTools(inputs),
      input: inputs.create,
      output: CreatedVault,
      run: async (caller, { summary, idempotency_key: key, allow_secret: allowSecret }) => {
        const created = await store.writer.create({ caller, summary, key, allowSecret });
        const { vault_id, replayed, secrets } = created;
        return { value: withSecrets({ vault_id }, secrets), replayed };
      },
    }),

    write: mutation(write),
    append: mutation(narrowed(write, inputs.append)),
    override: mutation(narrowed(write, inputs.override)),

    setSummary: mutation({
      who: 'caller',
      rest: {
        method: 'POST',
        path: '/vault/{vault_id}/summary',
        operationId: 'setSummary',
        tags,
        summary: 'Replace the summary',
        description:
          'Every client that can read the vault may call this. The previous summary stays in the history (`kind=summary`). With `expected_summary_version`, writes only if the summary is still at that version. Otherwise 409 returns the current version.',
        successDescription: 'The summary was replaced.',
        errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'POSSIBLE_SECRET'],
        idempotent: true,
        versioned: true,
        example: { request: { text: 'auth refactor: decided' }, answer: {} },
      },
      mcp: makeSummaryTools(inputs),
      input: inputs.setSummary,
      output: SummaryResult,
      run: async (caller, input) => {
        const { vault_id: vaultId, text, expected_summary_version: expected } = input;
        const { idempotency_key: key, allow_secret: allowSecret } = input;
        const what = { op: 'summary', vaultId, text, expected, key, allowSecret } as const;
        const { replayed, secrets } = await store.writer.submit(caller, what);
        return { value: withSecrets({}, secrets), replayed };
      },
    }),

    removeWriter: mutation({
      who: 'caller',
      scope: 'admin',
      openToSessions: true,
      rest: {
        method: 'DELETE',
        path: '/vault/{vault_id}/writers/{client_id}',
        operationId: 'removeWriter',
        tags,
        summary: 'End the read access of a past writer',
        description:
          "A client that wrote into the vault may read it from another work session. This call ends that access. Only the vault's work session may make it. If the client writes into the vault again, it gets access again.",
        successDescription: 'The client is no longer a past writer.',
        errors: ['FORBIDDEN', 'NOT_FOUND'],
        example: { answer: { removed: true } },
      },
      input: inputs.removeWriter,
      output: RemovedWriter,
      run: async (caller, { vault_id, client_id }) => ({
        value: { removed: await store.writer.removeWriter(caller, vault_id, client_id) },
      }),
    }),
  };
}
