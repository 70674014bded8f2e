import type { Reader } from '../../access/policy.ts';
import { COPIES_IN_MEMORY, type Io, operation, rendered } from '../../api/operation.ts';
import { query, resumableSubscription, subscription } from '../../api/trpc.ts';
import type { VaultInputs } from '../inputs.ts';
import { Proof, VaultEntry, VaultListItem, VaultListPage, VaultMeta, VaultPage } from '../schema.ts';
import type { VaultStore } from '../store.ts';
import { makeListTools } from '../tools/list-tools.ts';
import { makeProofTools, makeReadTools } from '../tools/read-tools.ts';
import { VAULT } from '../write/operations.ts';
import type { ReadOptions } from './page.ts';

const tags = ['vault'];

const WRITER = '5f0c1f0e-8a43-4a6c-9d56-0f6f2f6d1c11';
const AT = '2026-11-24T16:13:04.156964Z';
const HASH = '3f0a377ba0a4a460ecb616f6507ce0d8cfa3e704025d4fda3ed0c5ca05468728';
const PLACE = { seq: 42, entry_no: 1, version: 2, kind: 'content', writer_id: WRITER, created_at: AT };
const AUTHOR = 'session:4f0c2d9a1b7e';
const CONTENT = 'JWT in a cookie, 15 minutes';

/** The calls that read vaults. */
export function makeReadProcedures(store: VaultStore, inputs: VaultInputs) {
  const list = operation({
    who: 'reader',
    acrossVaults: true,
    rest: {
      method: 'GET',
      path: '/vault',
      operationId: 'listVaults',
      tags,
      summary: 'List vaults',
      description: 'Every vault that the caller can read, oldest first.',
      successDescription: 'The vaults.',
      errors: ['ANSWER_TOO_LARGE'],
      paged: true,
      example: { answer: [{ vault_id: VAULT, summary: 'auth refactor' }] },
    },
    input: inputs.list.optional(),
    output: VaultListItem.array(),
    run: async (reader, input, io) => {
      const page = await store.reader.list(reader, input ?? {}, io.boundsOf(input?.limit));
      return { rows: page, next: page.nextCursor };
    },
  });

  const readPage = (reader: Reader, options: ReadOptions & { vault_id: string }, io: Io) => {
    const { vault_id: vaultId, wait, as_of, cursor, limit } = options;
    const bounds = io.boundsOf(limit);
    if (wait !== undefined) {
      const view = { reader, vaultId, what: { ...options, signal: io.signal } };
      return store.followers.readWithin(wait, view, bounds);
    }
    // A view of the past has another head, so the head that the client has seen does not apply.
    const seenHead = as_of === undefined && cursor === undefined ? io.seenHead : undefined;
    return store.views.read({ reader, vaultId, what: options, seenHead }, bounds);
  };

  const read = operation({
    who: 'reader',
    rest: {
      method: 'GET',
      path: '/vault/{vault_id}',
      operationId: 'readVault',
      tags,
      summary: 'Read a vault',
      description:
        'The current view has the highest version of each entry, by entry number. `history=true` returns every version, by `seq`. `since` returns only rows with a greater `seq`. A reader that passes the `x-vault-head` of its last read never misses a row. `entry_id` returns only one entry. `details` also returns the proven author and the salt of each row. With `wait`, the server holds an empty answer until there is a new row. A past writer of another work session may also read the vault.',
      successDescription: 'The entries.',
      errors: ['FORBIDDEN', 'NOT_FOUND', 'ANSWER_TOO_LARGE'],
      conditional: true,
      paged: true,
      example: { answer: [{ ...PLACE, content: CONTENT }] },
    },
    input: inputs.read,
    output: VaultEntry.array(),
    run: async (reader, input, io) => {
      const page = await readPage(reader, input, io);
      return { rows: page, head: page.head, headHash: page.headHash, next: page.nextCursor };
    },
  });

  return {
    list: query(list),
    listPage: query({
      ...rendered(list, VaultListPage, (vaults, { next = null }) => ({ vaults, next_cursor: next })),
      mcp: makeListTools(inputs),
    }),
    read: query(read),
    readPage: query({
      ...rendered(read, VaultPage, (entries, { head = 0, headHash = '', next = null }) => ({
        entries,
        head,
        head_hash: headHash,
        next_cursor: next,
      })),
      mcp: makeReadTools(inputs),
    }),

    meta: query({
      who: 'reader',
      rest: {
        method: 'GET',
        path: '/vault/{vault_id}/meta',
        operationId: 'describeVault',
        tags,
        summary: 'Describe a vault',
        description:
          'Everything about a vault except its entries: summary, times, numbers, writers, and reads from other work sessions.',
        successDescription: 'The vault.',
        errors: ['FORBIDDEN', 'NOT_FOUND'],
        example: {
          answer: {
            vault_id: VAULT,
            summary: 'auth refactor',
            summary_version: 1,
            work_session_id: 'st-4b1d',
            created_by: WRITER,
            author: AUTHOR,
            created_at: AT,
            changed_at: AT,
            entries: 1,
            versions: 2,
            head: 42,
            head_hash: HASH,
            writer_count: 1,
            writers: [
              { client_id: WRITER, writes: 2, last_write_at: AT, authors: [AUTHOR], in_writer_list: true },
            ],
            outside_reads: [],
          },
        },
      },
      input: inputs.meta,
      output: VaultMeta,
      run: async (reader, { vault_id }, io) => {
        const value = await store.reader.meta(reader, vault_id);
        io.hold(COPIES_IN_MEMORY * JSON.stringify(value.writers).length);
        return { value };
      },
    }),

    proof: query({
      who: 'reader',
      rest: {
        method: 'GET',
        path: '/vault/{vault_id}/proof',
        operationId: 'proveVault',
        tags,
        summary: 'Read the hash chain of a vault',
        description:
          'The data to check rows without trusting the server: the hash before the first row, the head, and for each row its place, the hashes of its content and tags and its hash. docs/proof.md describes the check.',
        successDescription: 'The chain.',
        errors: ['FORBIDDEN', 'NOT_FOUND'],
        example: {
          answer: {
            vault_id: VAULT,
            algorithm: 'vault-relay/1',
            previous_hash: '0'.repeat(64),
            rows: [
              {
                ...PLACE,
                algorithm: 'vault-relay/2',
                author: AUTHOR,
                to: [],
                tags: [],
                salt: 'c0ffee00c0ffee00c0ffee00c0ffee00',
                tags_hmac: HASH,
                content_sha256: HASH,
                hash: HASH,
              },
            ],
            head: { seq: 42, hash: HASH },
          },
        },
      },
      mcp: makeProofTools(inputs),
      input: inputs.proof,
      output: Proof,
      run: async (reader, { vault_id, ...part }, io) => {
        const { maxBytes } = io.boundsOf(part.limit);
        const hold = (bytes: number) => void io.hold(COPIES_IN_MEMORY * bytes);
        return { value: await store.reader.proof(reader, vault_id, { ...part, maxBytes, hold }) };
      },
    }),

    /** Streams rows in the order of `seq`, as they are committed. */
    watch: resumableSubscription({
      who: 'reader',
      input: inputs.watch,
      run: (reader, { vault_id, kind, since, lastEventId }, { signal, hold }) =>
        store.followers.watch(reader, vault_id, { kind, signal, since: lastEventId ?? since, hold }),
      idOf: ({ seq }: VaultEntry) => String(seq),
    }),

    /**
     * Streams the changed vaults of the caller's work session with their new heads, and as the list shows them. A client
     * lists the vaults again after a gap.
     */
    changes: subscription({
      who: 'reader',
      acrossVaults: true,
      run: (reader, _, { signal }) => store.changeFeed.listed(reader, signal),
    }),
  };
}
