import { z } from 'zod';
import { ROLES } from '../../access/credential.ts';
import { storableName, timestamp } from '../../wire.ts';

/** Most rows of a page. */
const MAX_PAGE = 1000;

const fingerprint = z
  .string()
  .regex(/^[0-9a-f]{8,64}$/, 'must be the fingerprint of a session, such as a list shows')
  .meta({ description: 'The fingerprint of the session, as lists show it.' });

const list = z.strictObject({
  work_session_id: storableName(255).optional().meta({ description: 'Only those of this work session.' }),
  live: z.boolean().default(false).meta({ description: 'Only those that act now.' }),
  cursor: z.string().max(512).optional(),
  limit: z.int().min(1).max(MAX_PAGE).default(100),
});

export const AdminInputs = { list, revoke: z.strictObject({ session: fingerprint }) };

export const SessionInfo = z.object({
  fingerprint: z.string(),
  kind: z.enum(['session', 'person']),
  status: z.enum(['pending', 'granted', 'denied', 'revoked', 'expired']),
  live: z.boolean().meta({ description: 'Whether it acts now.' }),
  work_session_id: z.string().nullable(),
  hostname: z.string(),
  person_id: z.string().nullable(),
  name: z.string().nullable(),
  role: z.enum(ROLES).nullable(),
  created_at: timestamp,
  last_used_at: timestamp.nullable(),
  expires_at: timestamp,
});
export type SessionInfo = z.output<typeof SessionInfo>;

export const SessionPage = z.object({
  sessions: SessionInfo.array(),
  next: z
    .string()
    .nullable()
    .meta({ description: 'The cursor of the next page; null: this was the last one.' }),
});
export type SessionPage = z.output<typeof SessionPage>;

export const Revoked = z.object({ fingerprint: z.string() });
