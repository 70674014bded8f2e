import { z } from 'zod';
import { MAX_SECRETS } from '../secrets/scan.ts';
import { timestamp } from '../wire.ts';
import { FIRST_FORM, SECOND_FORM } from './proof/chain.ts';
import { MAX_AUTHORS, MAX_WRITERS } from './read/sql.ts';

/** Upper bound, because the columns are INT. */
export const MAX_INT = 2_147_483_647;

/** A seq on the wire: BIGINT in the database, within the integers that a JSON number holds exactly. */
export const seq = z.int().min(0).meta({
  description:
    'The position in the order of the commits of one vault: 1, 2, 3 …. Rows from before vaults counted their own rows keep their numbers, which may have holes.',
});

const head = z.int().min(0).meta({ description: 'The `seq` of the last row: a valid next `since`.' });

const hash = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .meta({ description: 'SHA-256 in hexadecimal.' });

export const entryNo = (min: 0 | 1) =>
  z
    .int()
    .min(min)
    .max(MAX_INT)
    .meta({ description: 'The entry within its vault: 1, 2, 3 …, shown as e1, e2, e3. The summary has 0.' });
export const version = z
  .int()
  .min(1)
  .max(MAX_INT)
  .meta({ description: 'The version within its entry: 1, 2, 3 …, shown as v1, v2, v3.' });
const count = z.int().min(0);

const hmac = hash.meta({ description: 'HMAC-SHA-256 under the salt, in hexadecimal.' });

const salt = z
  .string()
  .regex(/^[0-9a-f]{32}$/)
  .meta({
    description: '16 random bytes in hexadecimal, under which content and tags enter the hash of the row.',
  });

const author = z.string().meta({
  description:
    'What the server proved about the caller that wrote it, such as `session:` and the fingerprint of a session. Empty: nothing. Rows from before authors were kept have none.',
});

export const kind = z.enum(['content', 'summary']);
export const writerId = z.string().meta({ description: 'The self-reported client id of the writer.' });

export const VaultEntry = z
  .object({
    seq,
    entry_no: entryNo(0),
    version,
    kind,
    writer_id: writerId,
    content: z.string(),
    created_at: timestamp,
    tags: z.array(z.string()).meta({ description: 'Absent if there are none.' }).exactOptional(),
    author: author.exactOptional(),
    salt: salt.exactOptional(),
  })
  .meta({
    id: 'VaultEntry',
    description: 'One version of one entry. It never changes. `author` and `salt` only with `details=true`.',
  });
export type VaultEntry = z.output<typeof VaultEntry>;

export const VaultListItem = z
  .object({
    vault_id: z.string(),
    summary: z.string(),
    created_at: timestamp.exactOptional(),
    changed_at: timestamp.exactOptional(),
    entries: count.exactOptional(),
    writers: z
      .array(z.string())
      .max(100)
      .meta({ description: 'Clients that may also read from another work session, at most 100 of them.' })
      .exactOptional(),
    head: head.exactOptional(),
    summary_version: count.exactOptional(),
  })
  .meta({ id: 'VaultListItem', description: '`details=true` adds all fields except the first two.' });
export type VaultListItem = z.output<typeof VaultListItem>;

export const VaultListPage = z.object({ vaults: z.array(VaultListItem), next_cursor: z.string().nullable() });

export const VaultPage = z.object({
  entries: z.array(VaultEntry),
  head,
  head_hash: hash,
  next_cursor: z.string().nullable(),
});

export const VaultMeta = z
  .object({
    vault_id: z.string(),
    summary: z.string(),
    summary_version: count,
    work_session_id: z
      .string()
      .meta({ description: 'The Astation whose work session the vault belongs to.' }),
    created_by: z.string(),
    author: author.nullable(),
    created_at: timestamp,
    changed_at: timestamp.meta({ description: 'The time of the last row of content or summary.' }),
    entries: count,
    versions: count.meta({ description: 'Rows of content.' }),
    head,
    head_hash: hash,
    writers: z
      .array(
        z.object({
          client_id: z.string(),
          writes: z.int().min(1),
          last_write_at: timestamp,
          authors: z
            .array(z.string())
            .max(MAX_AUTHORS)
            .meta({
              description: `What the server proved about the callers of this name: at most ${MAX_AUTHORS}.`,
            }),
          in_writer_list: z
            .boolean()
            .meta({ description: 'Whether the client may also read from another work session.' }),
        }),
      )
      .max(MAX_WRITERS)
      .meta({ description: `The clients that wrote content, the last one first: at most ${MAX_WRITERS}.` }),
    writer_count: count.meta({ description: 'The number of clients that wrote content.' }),
    outside_reads: z
      .array(z.object({ client_id: z.string(), read_at: timestamp }))
      .max(100)
      .meta({ description: 'The last reads by past writers from other work sessions, newest first.' }),
  })
  .meta({ id: 'VaultMeta', description: 'The description of a vault.' });
export type VaultMeta = z.output<typeof VaultMeta>;

export const Proof = z
  .object({
    vault_id: z.string(),
    algorithm: z.literal(FIRST_FORM).meta({ description: 'The form of rows that name no other.' }),
    previous_hash: hash.meta({
      description: "The hash that the first of these rows is chained to; zeros before the vault's first row.",
    }),
    rows: z.array(
      z.object({
        seq,
        entry_no: entryNo(0),
        version,
        kind,
        writer_id: writerId,
        created_at: timestamp,
        tags: z.array(z.string()),
        content_sha256: hash.meta({
          description: 'Hash of the content: SHA-256, and in rows with a salt HMAC-SHA-256 under the salt.',
        }),
        algorithm: z
          .literal(SECOND_FORM)
          .exactOptional()
          .meta({ description: 'Of rows of the second form, as the fields below.' }),
        author: author.exactOptional(),
        to: z.array(z.string()).exactOptional().meta({ description: 'Addressees.' }),
        salt: salt.exactOptional(),
        tags_hmac: hmac.exactOptional(),
        hash,
      }),
    ),
    head: z.object({ seq: head, hash }),
  })
  .meta({ id: 'Proof', description: 'The chain of a vault, or a part of it: see docs/proof.md.' });
export type Proof = z.output<typeof Proof>;

const secrets = z
  .array(
    z.object({
      kind: z.string().meta({ description: 'Such as `github-token`.' }),
      line: count.meta({ description: 'The line of the text, from 1. 0 is a tag.' }),
      masked: z.string().meta({ description: 'The published beginning of its form and `…`, or `…` alone.' }),
    }),
  )
  .min(1)
  .max(MAX_SECRETS)
  .meta({ description: 'What looks like a secret in the text or a tag. Absent if nothing does.' })
  .exactOptional();

export const CreatedVault = z.object({ vault_id: z.string(), secrets }).meta({ id: 'CreatedVault' });
export type CreatedVault = z.output<typeof CreatedVault>;

export const WriteResult = z
  .object({ entry_no: entryNo(1), version, seq, secrets })
  .meta({ id: 'WriteResult' });
export type WriteResult = z.output<typeof WriteResult>;

export const SummaryResult = z.object({ secrets }).meta({
  id: 'SummaryResult',
  description: 'The call succeeded. Empty unless something looks like a secret.',
});

export const RemovedWriter = z
  .object({ removed: z.boolean().meta({ description: 'Whether the client was a past writer.' }) })
  .meta({ id: 'RemovedWriter' });
