import type { Context } from '../api/context.ts';
import { callerProcedure } from '../api/trpc.ts';
import type { VaultInputs } from './inputs.ts';
import type { Caller } from './policy.ts';
import { CreatedVault, Nothing, RemovedWriter, WriteResult } from './schema.ts';
import type { VaultStore } from './store.ts';
import type { Write } from './write-store.ts';

const tags = ['vault'];

export const VAULT = 'v-7Kf3qDx02Z';

/** The procedures that change vaults. On REST, `write` is both append and override, as released clients call it. */
export function makeWriteProcedures(store: VaultStore, inputs: VaultInputs) {
  const write = async (ctx: Context & { caller: Caller }, what: Write): Promise<WriteResult> => {
    const { entry_no, version, seq, replayed } = await store.write(ctx.caller, what);
    if (replayed) ctx.tellReplayed();
    return { entry_no, version, seq };
  };

  return {
    create: callerProcedure
      .meta({
        openapi: {
          method: 'POST',
          path: '/vault',
          operationId: 'createVault',
          tags,
          summary: 'Create a vault',
          description: 'Makes an empty vault that belongs to the work session of the caller.',
          successDescription: 'The vault was made.',
        },
        errors: ['FORBIDDEN', 'CONFLICT'],
        idempotent: true,
        headers: ['idempotent-replayed'],
        example: { request: { summary: 'auth refactor' }, answer: { vault_id: VAULT } },
      })
      .input(inputs.create)
      .output(CreatedVault)
      .mutation(async ({ ctx, input }) => {
        const { vault_id, replayed } = await store.create(ctx.caller, input.summary, input.idempotency_key);
        if (replayed) ctx.tellReplayed();
        return { vault_id };
      }),

    write: callerProcedure
      .meta({
        openapi: {
          method: 'POST',
          path: '/vault/{vault_id}',
          operationId: 'writeEntry',
          tags,
          summary: 'Append or override an entry',
          description:
            'Without `entry_id`: appends version 1 of the next entry. With it: writes the next version of that entry; one that was never written is 404. With `expected_version` only if the entry is still at that version: else 409 says what is there now.',
          successDescription: 'The entry was written and will never change.',
        },
        errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT'],
        idempotent: true,
        versioned: true,
        needs: { expected_version: 'entry_id' },
        headers: ['idempotent-replayed'],
        example: {
          request: { text: 'JWT in a cookie, 15 minutes', entry_id: 1 },
          answer: { entry_no: 1, version: 2, seq: 42 },
        },
      })
      .input(inputs.write)
      .output(WriteResult)
      .mutation(
        ({ ctx, input: { vault_id, text, tags: words, entry_id, expected_version, idempotency_key } }) => {
          const op = entry_id == null ? 'append' : 'override';
          const what = { op, vaultId: vault_id, text, tags: words, key: idempotency_key } as const;
          return write(
            ctx,
            entry_id == null ? what : { ...what, entryNo: entry_id, expected: expected_version },
          );
        },
      ),

    append: callerProcedure
      .input(inputs.append)
      .output(WriteResult)
      .mutation(({ ctx, input: { vault_id, text, tags: words, idempotency_key } }) =>
        write(ctx, { op: 'append', vaultId: vault_id, text, tags: words, key: idempotency_key }),
      ),

    override: callerProcedure
      .input(inputs.override)
      .output(WriteResult)
      .mutation(
        ({ ctx, input: { vault_id, text, tags: words, entry_id, expected_version, idempotency_key } }) =>
          write(ctx, {
            op: 'override',
            vaultId: vault_id,
            text,
            tags: words,
            entryNo: entry_id,
            expected: expected_version,
            key: idempotency_key,
          }),
      ),

    setSummary: callerProcedure
      .meta({
        openapi: {
          method: 'POST',
          path: '/vault/{vault_id}/summary',
          operationId: 'setSummary',
          tags,
          summary: 'Replace the summary',
          description:
            'Open to everybody who can read the vault. The one before stays in the history of summaries (`kind=summary`). With `expected_summary_version` only if it is still at that version: else 409 says what is there now.',
          successDescription: 'The summary was replaced.',
        },
        errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT'],
        idempotent: true,
        versioned: true,
        headers: ['idempotent-replayed'],
        example: { request: { text: 'auth refactor: decided' }, answer: {} },
      })
      .input(inputs.setSummary)
      .output(Nothing)
      .mutation(async ({ ctx, input: { vault_id, text, expected_summary_version, idempotency_key } }) => {
        const what = { vaultId: vault_id, text, expected: expected_summary_version, key: idempotency_key };
        await write(ctx, { op: 'summary', ...what });
        return {};
      }),

    removeWriter: callerProcedure
      .meta({
        openapi: {
          method: 'DELETE',
          path: '/vault/{vault_id}/writers/{client_id}',
          operationId: 'removeWriter',
          tags,
          summary: 'End the read access of a past writer',
          description:
            'Takes a client off the list of those who may read the vault from another work session because they wrote into it once. Only for the work session of the vault. Writing into it again opens it again.',
          successDescription: 'The client is not on the list.',
        },
        errors: ['FORBIDDEN', 'NOT_FOUND'],
        example: { answer: { removed: true } },
      })
      .input(inputs.removeWriter)
      .output(RemovedWriter)
      .mutation(async ({ ctx, input: { vault_id, client_id } }) => ({
        removed: await store.removeWriter(ctx.caller, vault_id, client_id),
      })),
  };
}
