import { tracked } from '@trpc/server';
import { COPIES_IN_MEMORY, type Context } from '../api/context.ts';
import { readerProcedure } from '../api/trpc.ts';
import type { VaultInputs } from './inputs.ts';
import type { Reader } from './policy.ts';
import type { ReadOptions } from './reading.ts';
import { Proof, VaultEntry, VaultListItem, VaultListPage, VaultMeta, VaultPage } from './schema.ts';
import type { VaultStore } from './store.ts';
import { VAULT } from './write-router.ts';

const tags = ['vault'];

const WRITER = '5f0c1f0e-8a43-4a6c-9d56-0f6f2f6d1c11';
const AT = '2026-11-24T16:13:04.156964Z';
const HASH = '3f0a377ba0a4a460ecb616f6507ce0d8cfa3e704025d4fda3ed0c5ca05468728';
const PLACE = { seq: 42, entry_no: 1, version: 2, kind: 'content', writer_id: WRITER, created_at: AT };
const CONTENT = 'JWT in a cookie, 15 minutes';

/** The procedures that show vaults. */
export function makeReadProcedures(store: VaultStore, inputs: VaultInputs) {
  const readPage = async (
    ctx: Context & { reader: Reader },
    // Of this call alone: it is added to.
    options: ReadOptions & { vault_id: string },
  ) => {
    const { vault_id, wait, as_of, cursor } = options;
    if (wait !== undefined) options.signal = ctx.leaving();
    // Whoever waits wants more than it has seen, and a view of the past has a head of its own.
    else if (as_of === undefined && cursor === undefined) options.known_head = ctx.seenHead();
    const bounds = ctx.boundsOf(options.limit);
    const page = await store.readPage(ctx.reader, vault_id, { ...options, bounds });
    ctx.tellHead(page);
    ctx.tellNext(page.nextCursor);
    return page;
  };

  return {
    list: readerProcedure
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
        errors: ['ANSWER_TOO_LARGE'],
        headers: ['link'],
        example: { answer: [{ vault_id: VAULT, summary: 'auth refactor' }] },
      })
      .input(inputs.list.optional())
      .output(VaultListItem.array())
      .query(async ({ ctx, input }) => {
        const page = await store.list(ctx.reader, { ...input, bounds: ctx.boundsOf(input?.limit) });
        ctx.tellNext(page.nextCursor);
        return ctx.answerRows<VaultListItem>(page);
      }),

    listPage: readerProcedure
      .input(inputs.list.optional())
      .output(VaultListPage)
      .query(async ({ ctx, input }) => {
        const page = await store.list(ctx.reader, { ...input, bounds: ctx.boundsOf(input?.limit) });
        return { vaults: ctx.answerRows<VaultListItem>(page), next_cursor: page.nextCursor };
      }),

    read: readerProcedure
      .meta({
        openapi: {
          method: 'GET',
          path: '/vault/{vault_id}',
          operationId: 'readVault',
          tags,
          summary: 'Read a vault',
          description:
            'The current view: of each entry its highest version, by entry number. With `history=true` every version, by `seq`. With `since` only rows with a greater `seq`; a reader that passes the `x-vault-head` of its last read never misses a row. With `entry_id` only one entry: its history without the others. With `wait` an empty answer waits for something to show. Also open to a client of another work session that wrote into the vault once.',
          successDescription: 'The entries.',
        },
        errors: ['FORBIDDEN', 'NOT_FOUND', 'ANSWER_TOO_LARGE'],
        headers: ['etag', 'x-vault-head', 'x-vault-head-hash', 'link'],
        conditional: true,
        example: { answer: [{ ...PLACE, content: CONTENT }] },
      })
      .input(inputs.read)
      .output(VaultEntry.array())
      .query(async ({ ctx, input }) => {
        return ctx.answerRows<VaultEntry>(await readPage(ctx, input));
      }),

    readPage: readerProcedure
      .input(inputs.read)
      .output(VaultPage)
      .query(async ({ ctx, input }) => {
        const page = await readPage(ctx, input);
        const { head, headHash, nextCursor } = page;
        return {
          entries: ctx.answerRows<VaultEntry>(page),
          head,
          head_hash: headHash,
          next_cursor: nextCursor,
        };
      }),

    meta: readerProcedure
      .meta({
        openapi: {
          method: 'GET',
          path: '/vault/{vault_id}/meta',
          operationId: 'describeVault',
          tags,
          summary: 'One look at a vault',
          description:
            'Everything about a vault but its entries: summary, times, numbers, writers, and who read it from outside.',
          successDescription: 'The vault.',
        },
        errors: ['FORBIDDEN', 'NOT_FOUND'],
        example: {
          answer: {
            vault_id: VAULT,
            summary: 'auth refactor',
            summary_version: 1,
            work_session_id: 'st-4b1d',
            created_by: WRITER,
            created_at: AT,
            changed_at: AT,
            entries: 1,
            versions: 2,
            head: 42,
            head_hash: HASH,
            writer_count: 1,
            writers: [{ client_id: WRITER, writes: 2, last_write_at: AT, in_writer_list: true }],
            outside_reads: [],
          },
        },
      })
      .input(inputs.meta)
      .output(VaultMeta)
      .query(async ({ ctx, input }) => {
        const meta = await store.meta(ctx.reader, input.vault_id);
        ctx.hold(COPIES_IN_MEMORY * JSON.stringify(meta.writers).length);
        return meta;
      }),

    proof: readerProcedure
      .meta({
        openapi: {
          method: 'GET',
          path: '/vault/{vault_id}/proof',
          operationId: 'proveVault',
          tags,
          summary: 'The chain of a vault',
          description:
            'What it takes to check rows without trusting the server: the hash before the first of them, each with its place, the SHA-256 of its content and its hash, and the head. docs/proof.md says how.',
          successDescription: 'The chain.',
        },
        errors: ['FORBIDDEN', 'NOT_FOUND'],
        example: {
          answer: {
            vault_id: VAULT,
            algorithm: 'vault-relay/1',
            previous_hash: '0'.repeat(64),
            rows: [{ ...PLACE, tags: [], content_sha256: HASH, hash: HASH }],
            head: { seq: 42, hash: HASH },
          },
        },
      })
      .input(inputs.proof)
      .output(Proof)
      .query(({ ctx, input: { vault_id, ...part } }) =>
        store.proof(ctx.reader, vault_id, {
          ...part,
          maxBytes: ctx.boundsOf(part.limit).maxBytes,
          hold: (bytes) => ctx.hold(COPIES_IN_MEMORY * bytes),
        }),
      ),

    /** Rows as they are committed, by seq; whoever reconnects with the id of the last event misses none. */
    watch: readerProcedure.input(inputs.watch).subscription(async function* ({ ctx, input, signal }) {
      const { vault_id, kind, since, lastEventId } = input;
      const hold = (bytes: number) => ctx.hold(bytes);
      const following = { kind, signal, since: lastEventId ?? since, hold };
      for await (const entry of store.watch(ctx.reader, vault_id, following)) {
        yield tracked(String(entry.seq), entry);
      }
    }),

    /** Which vaults of the caller's work session change, and their new heads. Not resumable: refetch after a gap. */
    changes: readerProcedure.subscription(async function* ({ ctx, signal }) {
      yield* store.changes(ctx.reader, signal);
    }),
  };
}
