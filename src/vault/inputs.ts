import { z } from 'zod';
import type { Limits } from '../config.ts';
import { displayName, storableName, storableText } from '../wire.ts';
import { LIST_CURSOR, READ_CURSOR } from './read/cursors.ts';
import { MAX_INT } from './schema.ts';
import { SEARCH_CURSOR } from './search/cursor.ts';

/** Released clients read these JSON integers as u32. */
const MAX_U32 = 4_294_967_295;

/** Rows or vaults of one page. */
export const MAX_LIMIT = 1000;
/** Hits of one page. */
const MAX_HITS = 100;
/** Longest wait of a read, in seconds: below the time-out of released clients (30 s). */
export const MAX_WAIT = 25;
/** Default number of rows of one proof. */
const PROOF_LIMIT = 1000;
const MAX_TAGS = 8;
const MAX_TAG_CHARACTERS = 32;
const MAX_QUERY_CHARACTERS = 256;
const MAX_REASON_CHARACTERS = 200;

/** Converts digits to a number, because a query string has only text. tRPC sends numbers. */
function parseDigits(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\d{1,20}$/.test(value)) return value;
  // A client's u64 may exceed 2^53. No seq does, so clamping does not change the answer.
  return Math.min(Number(value), Number.MAX_SAFE_INTEGER);
}

function parseBoolean(value: unknown): unknown {
  return value === 'true' ? true : value === 'false' ? false : value;
}

// The casts give the typed client its input type. The generator reads the schemas themselves.
const seqOf = (description: string) =>
  z.preprocess(parseDigits, z.int().min(0)).meta({
    // The document allows at most 20 digits, as `parseDigits` does.
    maximum: undefined,
    exclusiveMaximum: 1e20,
    description,
  }) as unknown as z.ZodType<number, number>;

const flag = (description: string) =>
  z.preprocess(parseBoolean, z.boolean()).meta({ description }) as unknown as z.ZodType<boolean, boolean>;

const within = (min: number, max: number, description: string) =>
  z.preprocess(parseDigits, z.int().min(min).max(max)).meta({ description }) as unknown as z.ZodType<
    number,
    number
  >;

const vaultId = storableName(128).meta({
  description: 'The id that `POST /api/vault` returned.',
  example: 'v-7Kf3qDx02Z',
});

/** As `details` shows it, such as `key:4k9x2m0q7d1z`. */
const author = storableName(128);

const tagName = storableName(MAX_TAG_CHARACTERS);

const tags = z
  .array(tagName)
  .max(MAX_TAGS)
  .refine((all) => new Set(all).size === all.length, 'must not name a tag twice')
  .meta({
    uniqueItems: true,
    description: 'Search words of the entry. An override without tags keeps those of the previous version.',
  });

const idempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 visible ASCII characters')
  .meta({
    description:
      'Makes a retry safe: the same request with the same key writes nothing and returns the first result.',
  });

const allowSecret = displayName(MAX_REASON_CHARACTERS).meta({
  description:
    'Why this may hold what looks like a secret, where the server refuses such writes (`SECRET_SCAN=refuse`). The audit log keeps the reason.',
});

const expected = (what: string) =>
  z
    .int()
    .min(1)
    .max(MAX_INT)
    .meta({
      description: `The version of the ${what} that you have seen. If there is a newer one, 409 returns it.`,
    });

const q = storableName(MAX_QUERY_CHARACTERS).meta({
  description:
    'Only rows or vaults with this text, in upper or lower case. Any two characters are enough, in any script.',
});

const cursor = (form: RegExp) =>
  z
    .string()
    .regex(form, 'must be the cursor of the previous answer')
    .refine((text) => text.isWellFormed(), 'must not contain a lone surrogate')
    .meta({ description: 'The end of the previous page, from its `Link`.' });

const limit = within(1, MAX_LIMIT, 'The maximum number; `Link` with `rel="next"` leads to the next page.');

const time = (description: string) =>
  z.iso
    .datetime({ offset: true, error: 'must be a time such as 2026-11-24T16:13:04Z' })
    .meta({ description });

/** The inputs of the calls. They refuse unknown fields, so that a misspelt option never passes silently. */
export function makeVaultInputs(limits: Limits) {
  const entryText = storableText(limits.textBytes);
  const summaryText = storableText(limits.summaryBytes);
  const clientId = storableName(limits.clientIdCharacters);
  const entryId = z.int().min(0).max(MAX_U32);
  const key = { idempotency_key: idempotencyKey.optional(), allow_secret: allowSecret.optional() };
  const content = { vault_id: vaultId, text: entryText, tags: tags.optional(), ...key };
  const expectedVersion = expected('entry');
  return {
    list: z.strictObject({
      q: q.optional(),
      writer: clientId.meta({ description: 'Only vaults that this client wrote into.' }).optional(),
      author: author.meta({ description: 'Only vaults that this proven author wrote into.' }).optional(),
      tag: tagName.meta({ description: 'Only vaults with an entry of this tag.' }).optional(),
      details: flag('Include times, numbers and writers of each vault.').optional(),
      limit: limit.optional(),
      cursor: cursor(LIST_CURSOR).optional(),
    }),
    search: z.strictObject({
      q: q.meta({ description: 'Words that a text contains, and phrases in quotes.' }).optional(),
      writer: clientId.meta({ description: 'Only what this client wrote.' }).optional(),
      author: author.meta({ description: 'Only what this proven author wrote.' }).optional(),
      tag: tagName.meta({ description: 'Only entries with this tag.' }).optional(),
      vault: vaultId.meta({ description: 'Only this vault.' }).optional(),
      kind: z
        .enum(['content', 'summary'])
        .optional()
        .meta({ description: 'Only entries, or only summaries.' }),
      history: flag('Also versions that are not current.').optional(),
      since: time('Only what was written at this time or later.').optional(),
      until: time('Only what was written before this time.').optional(),
      order: z.enum(['newest', 'best']).optional().meta({
        description: 'Newest first (default), or best first.',
      }),
      limit: within(1, MAX_HITS, 'The maximum number of hits. Default: 20.').optional(),
      cursor: cursor(SEARCH_CURSOR).optional(),
    }),
    create: z.strictObject({ summary: summaryText.default(''), ...key }),
    read: z.strictObject({
      vault_id: vaultId,
      since: seqOf('Only rows with a greater `seq`.').optional(),
      history: flag('All versions of each entry instead of the highest.').optional(),
      kind: z.enum(['content', 'summary', 'all']).optional().meta({
        description: 'Entries (default), versions of the summary, or both.',
      }),
      as_of: seqOf('The vault as it was at this head.').optional(),
      entry_id: within(
        0,
        MAX_U32,
        'Only rows of the entry with this number; none if the entry does not exist. The summary is entry 0, and appears only with `kind=summary` or `kind=all`.',
      ).optional(),
      q: q.optional(),
      writer: clientId.meta({ description: 'Only rows that this client wrote.' }).optional(),
      author: author.meta({ description: 'Only rows that this proven author wrote.' }).optional(),
      tag: tagName.meta({ description: 'Only rows with this tag.' }).optional(),
      details: flag(
        'Also what the server proved about each writer, and the salt of the hash of each row.',
      ).optional(),
      limit: limit.optional(),
      cursor: cursor(READ_CURSOR).optional(),
      wait: within(1, MAX_WAIT, 'Seconds to wait for new rows before the answer is empty.').optional(),
    }),
    write: z
      .strictObject({ ...content, entry_id: entryId.nullish(), expected_version: expectedVersion.optional() })
      .refine(({ entry_id, expected_version }) => expected_version === undefined || entry_id != null, {
        path: ['expected_version'],
        message: 'needs entry_id: only an entry that exists has a version to expect',
      }),
    append: z.strictObject(content),
    override: z.strictObject({ ...content, entry_id: entryId, expected_version: expectedVersion.optional() }),
    setSummary: z.strictObject({
      vault_id: vaultId,
      text: summaryText,
      expected_summary_version: expected('summary').optional(),
      ...key,
    }),
    removeWriter: z.strictObject({ vault_id: vaultId, client_id: clientId }),
    meta: z.strictObject({ vault_id: vaultId }),
    proof: z.strictObject({
      vault_id: vaultId,
      since: seqOf('Only rows with a greater `seq`.').optional(),
      limit: within(
        1,
        MAX_LIMIT,
        'The maximum number of rows; continue with the last `seq` as `since`.',
      ).default(PROOF_LIMIT),
    }),
    watch: z.strictObject({
      vault_id: vaultId,
      since: seqOf('Only rows with a greater `seq`.').optional(),
      kind: z.enum(['content', 'summary', 'all']).optional(),
      lastEventId: seqOf(
        'The `seq` of the last received row; a client sends it when it reconnects.',
      ).nullish(),
    }),
  };
}
export type VaultInputs = ReturnType<typeof makeVaultInputs>;
