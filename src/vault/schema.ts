import { z } from 'zod';
import type { Limits } from '../config.ts';

/** JSON integers within u32, as released clients read them; the columns are INT. */
const MAX_INT = 2_147_483_647;
const MAX_U32 = 4_294_967_295;

/** A seq on the wire. BIGINT in the database, bounded by what a JSON number holds exactly. */
const seq = z.int().min(0);

/** PostgreSQL text holds no NUL, and a lone surrogate would silently become U+FFFD. */
function describeUnstorable(text: string): string | undefined {
  if (text.includes('\0')) return 'must not contain the NUL character';
  if (!text.isWellFormed()) return 'must not contain a lone surrogate';
  return undefined;
}

/** Text that is stored and returned byte for byte. */
const text = (maxBytes: number) =>
  z
    .string()
    .check((context) => {
      const problem = describeUnstorable(context.value);
      const bytes = Buffer.byteLength(context.value);
      if (problem) {
        context.issues.push({ code: 'custom', input: context.value, message: problem });
      } else if (bytes > maxBytes) {
        context.issues.push({
          code: 'custom',
          input: context.value,
          message: `is ${bytes} bytes of UTF-8; the limit is ${maxBytes}`,
          params: { tooLarge: true },
        });
      }
    })
    .meta({ maxLength: maxBytes });

/** A query string knows only text: digits become a number. On tRPC the number comes as it is. */
function parseDigits(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\d{1,20}$/.test(value)) return value;
  // A client's u64 may go beyond 2^53; no seq does, so the answer is the same.
  return Math.min(Number(value), Number.MAX_SAFE_INTEGER);
}

function parseBoolean(value: unknown): unknown {
  return value === 'true' ? true : value === 'false' ? false : value;
}

const vaultId = z
  .string()
  .min(1)
  .max(128)
  .check((context) => {
    const problem = describeUnstorable(context.value);
    if (problem) context.issues.push({ code: 'custom', input: context.value, message: problem });
  });

export const VaultEntry = z.object({
  seq,
  entry_no: z.int().min(0).max(MAX_INT),
  version: z.int().min(1).max(MAX_INT),
  kind: z.enum(['content', 'summary']),
  writer_id: z.string(),
  content: z.string(),
  /** RFC 3339 in UTC. */
  created_at: z.iso.datetime(),
});
export type VaultEntry = z.output<typeof VaultEntry>;

export const VaultListItem = z.object({ vault_id: z.string(), summary: z.string() });
export type VaultListItem = z.output<typeof VaultListItem>;

export const CreatedVault = z.object({ vault_id: z.string() });
export type CreatedVault = z.output<typeof CreatedVault>;

export const WriteResult = z.object({
  entry_no: z.int().min(1).max(MAX_INT),
  version: z.int().min(1).max(MAX_INT),
  seq,
});
export type WriteResult = z.output<typeof WriteResult>;

export const Nothing = z.object({});

/** What callers send. Unknown fields are refused, so that a misspelt option never passes silently. */
export function makeVaultInputs(limits: Limits) {
  const entryText = text(limits.textBytes);
  const entryId = z.int().min(0).max(MAX_U32);
  return {
    list: z.strictObject({}),
    create: z.strictObject({ summary: text(limits.summaryBytes).default('') }),
    read: z.strictObject({
      vault_id: vaultId,
      since: z.preprocess(parseDigits, z.int().min(0)).optional(),
      history: z.preprocess(parseBoolean, z.boolean()).optional(),
    }),
    write: z.strictObject({ vault_id: vaultId, text: entryText, entry_id: entryId.nullish() }),
    append: z.strictObject({ vault_id: vaultId, text: entryText }),
    override: z.strictObject({ vault_id: vaultId, text: entryText, entry_id: entryId }),
    setSummary: z.strictObject({ vault_id: vaultId, text: text(limits.summaryBytes) }),
  };
}
export type VaultInputs = ReturnType<typeof makeVaultInputs>;
