import { z } from 'zod';
import { ROLES } from '../access/credential.ts';
import { displayName } from '../wire.ts';

/** A person's name, which is also the client id of what the person writes. */
export const personName = displayName(100);

/** A person stays signed in for this time without use. An SQL interval. */
export const PERSON_LIFETIME = `interval '30 days'`;

/** A sign-in link works for this time. An SQL interval. */
export const CODE_LIFETIME = `interval '10 minutes'`;

/** People who may be signed in by one session of an Astation. */
export const MAX_PEOPLE_PER_SESSION = 100;

const secret = z.string().min(1).max(512);

export const PeopleInputs = {
  signIn: z.strictObject({ code: secret, name: personName.optional() }),
  signInWithSession: z.strictObject({ session: secret, name: personName.optional() }),
  rename: z.strictObject({ name: personName }),
  signOut: z.strictObject({ everywhere: z.boolean().default(false) }),
};

export const Me = z.object({
  person_id: z.string(),
  name: z.string().nullable().meta({ description: 'Null: the person was not asked yet.' }),
  role: z.enum(ROLES),
  work_session_id: z.string().nullable().meta({ description: 'Of a member. Null: an operator.' }),
});
export type Me = z.output<typeof Me>;

export const SignedOut = z.object({
  ended: z.int().min(0).meta({ description: 'How many sessions of the person ended.' }),
});
