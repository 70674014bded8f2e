import { callerProcedure, router } from '../api/trpc.ts';
import { CreatedVault, Nothing, VaultEntry, type VaultInputs, VaultListItem, WriteResult } from './schema.ts';
import type { VaultStore } from './store.ts';

const tags = ['vault'];

/** The procedures on vaults. On REST, `write` is both append and override, as released clients call it. */
export const makeVaultRouter = (store: VaultStore, inputs: VaultInputs) =>
  router({
    create: callerProcedure
      .meta({
        openapi: { method: 'POST', path: '/vault', tags, summary: 'Create a vault in your work session' },
      })
      .input(inputs.create)
      .output(CreatedVault)
      .mutation(({ ctx, input }) => store.create(ctx.caller, input.summary)),

    list: callerProcedure
      .meta({ openapi: { method: 'GET', path: '/vault', tags, summary: 'List the vaults you can read' } })
      .input(inputs.list.optional())
      .output(VaultListItem.array())
      .query(({ ctx }) => store.list(ctx.caller)),

    read: callerProcedure
      .meta({ openapi: { method: 'GET', path: '/vault/{vault_id}', tags, summary: 'Read a vault' } })
      .input(inputs.read)
      .output(VaultEntry.array())
      .query(({ ctx, input }) => store.read(ctx.caller, input.vault_id, input)),

    write: callerProcedure
      .meta({
        openapi: { method: 'POST', path: '/vault/{vault_id}', tags, summary: 'Append or override an entry' },
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
        openapi: { method: 'POST', path: '/vault/{vault_id}/summary', tags, summary: 'Replace the summary' },
      })
      .input(inputs.setSummary)
      .output(Nothing)
      .mutation(async ({ ctx, input }) => {
        await store.setSummary(ctx.caller, input.vault_id, input.text);
        return {};
      }),
  });
