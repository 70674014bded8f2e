import { z } from 'zod';
import { SCOPES } from '../access/credential.ts';
import { displayName, storableName, timestamp } from '../wire.ts';

/** Live keys that a work session may have. */
export const MAX_KEYS = 1000;
/** Vaults that a key may be limited to. */
export const MAX_VAULTS = 100;
/** The longest life of a key that expires, in seconds: ten years. */
export const MAX_LIFE = 315_576_000;
const MAX_LISTED = 1000;

/** The scopes of a key that names none. */
export const DEFAULT_SCOPES = ['read', 'write'] as const;

/** The name of a key: 1 to 100 visible characters. */
export const keyName = displayName(100);

const isUnique = (all: readonly string[]) => new Set(all).size === all.length;

export const scopes = z
  .array(z.enum(SCOPES))
  .min(1)
  .max(SCOPES.length)
  .refine(isUnique, 'must not name a scope twice')
  .meta({ uniqueItems: true, description: 'What the key may do.' });

const workSessionId = storableName(255).meta({
  description: 'For operators, who must name the work session. Others may only name their own.',
});

const keyId = z
  .string()
  .max(64)
  .meta({ description: 'The id of the key, which is the second part of its text.' });

const CURSOR = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z_[0-9a-z]{12}$/;

/** Where a page of keys ended. */
export const writeCursor = (createdAt: string, id: string): string => `${createdAt}_${id}`;

/** @param cursor as `writeCursor` made it */
export const readCursor = (cursor: string): { createdAt: string; id: string } => {
  const [createdAt = '', id = ''] = cursor.split('_');
  return { createdAt, id };
};

/** @param clientIdCharacters the most characters of a client id */
export const makeKeyInputs = (clientIdCharacters: number) => ({
  create: z.strictObject({
    name: keyName,
    client_id: storableName(clientIdCharacters).meta({
      description: 'The client id of every call with the key. A call that names another one gets 403.',
    }),
    scopes: scopes.default([...DEFAULT_SCOPES]),
    vaults: z
      .array(storableName(128))
      .min(1)
      .max(MAX_VAULTS)
      .refine(isUnique, 'must not name a vault twice')
      .meta({
        uniqueItems: true,
        description: 'The only vaults that the key reaches. Left out: every vault.',
      })
      .optional(),
    expires_in: z
      .int()
      .min(1)
      .max(MAX_LIFE)
      .meta({ description: 'Seconds until the key expires. Left out: it does not expire.' })
      .optional(),
    work_session_id: workSessionId.optional(),
  }),
  list: z.strictObject({
    work_session_id: workSessionId.optional(),
    limit: z
      .preprocess(
        (value) => (typeof value === 'string' && /^\d{1,4}$/.test(value) ? Number(value) : value),
        z.int().min(1).max(MAX_LISTED),
      )
      .meta({ description: `The maximum number, ${MAX_LISTED} unless given.` })
      .optional() as unknown as z.ZodOptional<z.ZodType<number, number>>,
    cursor: z
      .string()
      .regex(CURSOR, 'must be the cursor of the previous answer')
      .meta({ description: 'The end of the previous page, from its `Link`.' })
      .optional(),
  }),
  byId: z.strictObject({ id: keyId }),
});

/** How many keys a page has that asks for no number. */
export const LISTED = MAX_LISTED;

const facts = {
  id: z.string(),
  name: z.string(),
  work_session_id: z.string(),
  client_id: z.string(),
  scopes: z.array(z.enum(SCOPES)),
  vaults: z.array(z.string()).nullable().meta({ description: 'Null: every vault of the work session.' }),
  created_by: z.string().meta({
    description: '`key:<id>` or `person:<id>`; `operator` for a token or the command line of the server.',
  }),
  created_at: timestamp,
  expires_at: timestamp.nullable(),
};

export const KeyInfo = z
  .object({
    ...facts,
    state: z.enum(['live', 'expired', 'revoked']),
    last_used_at: timestamp.nullable().meta({ description: 'Up to a minute old.' }),
    revoked_at: timestamp.nullable(),
  })
  .meta({ id: 'Key' });
export type KeyInfo = z.output<typeof KeyInfo>;

export const CreatedKey = z
  .object({ key: z.string().meta({ description: 'The key. No other answer has it.' }), ...facts })
  .meta({ id: 'CreatedKey' });
export type CreatedKey = z.output<typeof CreatedKey>;

export const RevokedKey = z.object({ id: z.string(), revoked: z.literal(true) }).meta({ id: 'RevokedKey' });

export const KeyPage = z.object({ keys: KeyInfo.array(), next_cursor: z.string().nullable() });
