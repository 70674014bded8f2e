import { z } from 'zod';
import { displayName, storableName, timestamp } from '../wire.ts';

/** Sessions that may be bound to one Astation (contract, section 4). */
export const MAX_BOUND_SESSIONS = 1000;

/** A session expires after this time without use. An SQL interval. */
export const LIFETIME = `interval '7 days'`;

/** Any string, because every unknown id answers 404, whatever its format. */
const sessionId = z.string().max(512).meta({ description: 'The id of the session.' });

/** The name of a machine: 1 to 255 visible characters. */
export const hostname = displayName(255);

export const SessionInputs = {
  create: z.strictObject({ hostname }),
  status: z.strictObject({ id: sessionId }),
  grant: z.strictObject({
    id: sessionId,
    otp: z.string().max(64),
    astation_id: storableName(255).optional(),
    signature: z.string().max(1024).optional(),
  }),
  deny: z.strictObject({ id: sessionId }),
};

export const CreatedSession = z
  .object({
    id: z.uuid(),
    otp: z.string().regex(/^\d{8}$/),
    hostname: z.string(),
    status: z.literal('pending'),
    created_at: timestamp,
    expires_at: timestamp,
  })
  .meta({ id: 'CreatedSession' });
export type CreatedSession = z.output<typeof CreatedSession>;

export const SessionStatus = z
  .object({
    id: z.string(),
    status: z.enum(['pending', 'granted', 'denied', 'expired']),
    token: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
  })
  .meta({ id: 'SessionStatus' });
export type SessionStatus = z.output<typeof SessionStatus>;

export const GrantedSession = z
  .object({
    id: z.string(),
    status: z.literal('granted'),
    token: z.string().regex(/^[0-9a-f]{64}$/),
  })
  .meta({ id: 'GrantedSession' });
export type GrantedSession = z.output<typeof GrantedSession>;

export const DeniedSession = z
  .object({ id: z.string(), status: z.literal('denied') })
  .meta({ id: 'DeniedSession' });
export type DeniedSession = z.output<typeof DeniedSession>;
