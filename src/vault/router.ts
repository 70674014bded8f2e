import { callerProcedure, router } from '../api/trpc.ts';
import { CreatedVault, Nothing, VaultEntry, type VaultInputs, VaultListItem, WriteResult } from './schema.ts';
import type { VaultStore } from './store.ts';

const tags = ['vault'];

const VAULT = 'v-7Kf3qDx02Z';

const entry = {
  seq: 42,
  entry_no: 1,
  version: 2,
  kind: 'content',
  writer_id: '5f0c1f0e-8a43-4a6c-9d56-0f6f2f6d1c11',
  content: 'JWT in a cookie, 15 minutes',
  created_at: '2026-11-24T16:13:04.156964Z',
};

/** The procedures on vaults. On REST, `write` is both append and override, as released clients call it. */
export const makeVaultRouter = (store: VaultStore, inputs: VaultInputs) =>
  router({
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
        example: { request: { summary: 'auth refactor' }, answer: { vault_id: VAULT } },
      })
      .input(inputs.create)
      .output(CreatedVault)
      .mutation(({ ctx, input }) => store.create(ctx.caller, input.summary)),

    list: callerProcedure
      .meta({
        openapi: {
          method: 'GET',
          path: '/vault',
          operationId: 'listVaults',
          tags,
          summary: 'List vaults',
          description: 'Every vault that the caller can read, oldest first.',
          successDescription: 'The vaults.',
        },
        example: { answer: [{ vault_id: VAULT, summary: 'auth refactor' }] },
      })
      .input(inputs.list.optional())
      .output(VaultListItem.array())
      .query(({ ctx }) => store.list(ctx.caller)),

    read: callerProcedure
      .meta({
        openapi: {
          method: 'GET',
          path: '/vault/{vault_id}',
          operationId: 'readVault',
          tags,
          summary: 'Read a vault',
          description:
            'The current view: of each entry its highest version, by entry number. With `history=true` every version, by `seq`. With `since` only rows with a greater `seq`; a reader that passes the highest `seq` it has seen never misses a row. Also open to a client of another work session that wrote into the vault once.',
          successDescription: 'The entries.',
        },
        errors: ['FORBIDDEN', 'NOT_FOUND'],
        example: { answer: [entry] },
      })
      .input(inputs.read)
      .output(VaultEntry.array())
      .query(({ ctx, input }) =>
        store.read(ctx.caller, input.vault_id, {
          ...input,
          onReadFromOutside: () => ctx.noteReadFromOutside(input.vault_id),
        }),
      ),

    write: callerProcedure
      .meta({
        openapi: {
          method: 'POST',
          path: '/vault/{vault_id}',
          operationId: 'writeEntry',
          tags,
          summary: 'Append or override an entry',
          description:
            'Without `entry_id`: appends version 1 of the next entry. With it: writes the next version of that entry; one that was never written is 404.',
          successDescription: 'The entry was written and will never change.',
        },
        errors: ['FORBIDDEN', 'NOT_FOUND'],
        example: {
          request: { text: 'JWT in a cookie, 15 minutes', entry_id: 1 },
          answer: { entry_no: 1, version: 2, seq: 42 },
        },
      })
      .input(inputs.write)
      .output(WriteResult)
      .mutation(({ ctx, input: { vault_id, text, entry_id } }) =>
        entry_id == null
          ? store.append(ctx.caller, vault_id, text)
          : store.override(ctx.caller, vault_id, { no: entry_id, text }),
      ),

    append: callerProcedure
      .input(inputs.append)
      .output(WriteResult)
      .mutation(({ ctx, input }) => store.append(ctx.caller, input.vault_id, input.text)),

    override: callerProcedure
      .input(inputs.override)
      .output(WriteResult)
      .mutation(({ ctx, input }) =>
        store.override(ctx.caller, input.vault_id, { no: input.entry_id, text: input.text }),
      ),

    setSummary: callerProcedure
      .meta({
        openapi: {
          method: 'POST',
          path: '/vault/{vault_id}/summary',
          operationId: 'setSummary',
          tags,
          summary: 'Replace the summary',
          description: 'Open to everybody who can read the vault.',
          successDescription: 'The summary was replaced.',
        },
        errors: ['FORBIDDEN', 'NOT_FOUND'],
        example: { request: { text: 'auth refactor: decided' }, answer: {} },
      })
      .input(inputs.setSummary)
      .output(Nothing)
      .mutation(async ({ ctx, input }) => {
        await store.setSummary(ctx.caller, input.vault_id, input.text);
        return {};
      }),
  });
