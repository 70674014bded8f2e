import { z } from 'zod';
import type { Limits } from '../config.ts';
import { storableName, storableText, timestamp } from '../wire.ts';

/** JSON integers within u32, as released clients read them; the columns are INT. */
const MAX_INT = 2_147_483_647;
const MAX_U32 = 4_294_967_295;

/** A seq on the wire. BIGINT in the database, bounded by what a JSON number holds exactly. */
const seq = z
  .int()
  .min(0)
  .meta({ description: 'Place in the order of all writes; within one vault, the order of the commits.' });

/** A query string knows only text: digits become a number. On tRPC the number comes as it is. */
function parseDigits(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\d{1,20}$/.test(value)) return value;
  // A client's u64 may go beyond 2^53; no seq does, so the answer is the same.
  return Math.min(Number(value), Number.MAX_SAFE_INTEGER);
}

function parseBoolean(value: unknown): unknown {
  return value === 'true' ? true : value === 'false' ? false : value;
}

// The casts give the typed client the type that it sends; the generator reads the schemas themselves.
const since = z.preprocess(parseDigits, z.int().min(0)).meta({
  // In the document: whatever has at most 20 digits, as `parseDigits` takes it.
  maximum: undefined,
  exclusiveMaximum: 1e20,
  description: 'Only rows with a greater `seq`.',
}) as unknown as z.ZodType<number, number>;
const history = z
  .preprocess(parseBoolean, z.boolean())
  .meta({ description: 'Every version instead of the highest of each entry.' }) as unknown as z.ZodType<
  boolean,
  boolean
>;

const vaultId = storableName(128).meta({
  description: 'As `POST /api/vault` answered it.',
  example: 'v-7Kf3qDx02Z',
});

const entryNo = (min: 0 | 1) =>
  z
    .int()
    .min(min)
    .max(MAX_INT)
    .meta({ description: 'The entry within its vault: 1, 2, 3 …, shown as e1, e2, e3.' });
const version = z
  .int()
  .min(1)
  .max(MAX_INT)
  .meta({ description: 'The version within its entry: 1, 2, 3 …, shown as v1, v2, v3.' });

export const VaultEntry = z
  .object({
    seq,
    entry_no: entryNo(0),
    version,
    kind: z.enum(['content', 'summary']),
    writer_id: z.string().meta({ description: 'The client id that wrote it, as the writer gave it.' }),
    content: z.string(),
    created_at: timestamp,
  })
  .meta({ id: 'VaultEntry', description: 'One version of one entry. It never changes.' });
export type VaultEntry = z.output<typeof VaultEntry>;

export const VaultListItem = z
  .object({ vault_id: z.string(), summary: z.string() })
  .meta({ id: 'VaultListItem' });
export type VaultListItem = z.output<typeof VaultListItem>;

export const CreatedVault = z.object({ vault_id: z.string() }).meta({ id: 'CreatedVault' });
export type CreatedVault = z.output<typeof CreatedVault>;

export const WriteResult = z.object({ entry_no: entryNo(1), version, seq }).meta({ id: 'WriteResult' });
export type WriteResult = z.output<typeof WriteResult>;

export const Nothing = z
  .object({})
  .meta({ id: 'Nothing', description: 'Done; there is nothing more to say.' });

/** What callers send. Unknown fields are refused, so that a misspelt option never passes silently. */
export function makeVaultInputs(limits: Limits) {
  const entryText = storableText(limits.textBytes);
  const entryId = z.int().min(0).max(MAX_U32);
  return {
    list: z.strictObject({}),
    create: z.strictObject({ summary: storableText(limits.summaryBytes).default('') }),
    read: z.strictObject({
      vault_id: vaultId,
      since: since.optional(),
      history: history.optional(),
    }),
    write: z.strictObject({ vault_id: vaultId, text: entryText, entry_id: entryId.nullish() }),
    append: z.strictObject({ vault_id: vaultId, text: entryText }),
    override: z.strictObject({ vault_id: vaultId, text: entryText, entry_id: entryId }),
    setSummary: z.strictObject({ vault_id: vaultId, text: storableText(limits.summaryBytes) }),
  };
}
export type VaultInputs = ReturnType<typeof makeVaultInputs>;
