import type { PersonCredential } from '../access/credential.ts';
import type { Visitor } from '../access/policy.ts';
import type { Answer, Io } from '../api/operation.ts';
import { mutation, query } from '../api/trpc.ts';
import { badRequest, unauthorized } from '../errors.ts';
import { makeSessionAdminProcedures, type SessionAdminDeps } from '../session/admin/operations.ts';
import { Me, PeopleInputs, SignedOut } from './schema.ts';
import type { PeopleStore, SignedIn, SigningIn } from './store.ts';

export interface PeopleDeps extends SessionAdminDeps {
  people: PeopleStore;
  credentials: SessionAdminDeps['credentials'] & { personChanged(personId: string): void };
  maxClientIdCharacters: number;
  /** Counts a guess of a secret from an address. @throws RelayError `TOO_MANY_REQUESTS` */
  countGrantAttempt(address: string): Promise<void>;
}

/** @throws RelayError `UNAUTHORIZED` */
function requirePerson({ person }: Visitor): PersonCredential {
  if (person) return person;
  throw unauthorized('You are signed out; sign in again.');
}

/** The calls of the dashboard for people. They are on tRPC only, because only it takes the cookie. */
export function makePersonProcedures(deps: PeopleDeps) {
  const { people, credentials, countGrantAttempt, maxClientIdCharacters } = deps;

  /** @throws RelayError `BAD_REQUEST` */
  const checkName = (name: string | undefined) => {
    if (name === undefined || [...name].length <= maxClientIdCharacters) return;
    throw badRequest(`Field name must be at most ${maxClientIdCharacters} characters long.`);
  };

  const signIn = async (
    { person: former }: Visitor,
    name: string | undefined,
    io: Io,
    prove: (signingIn: SigningIn) => Promise<SignedIn>,
  ): Promise<Answer<Me>> => {
    checkName(name);
    await countGrantAttempt(io.source.address);
    const { secret, me, ended } = await prove({ name, former, from: io.source });
    for (const idHash of ended) credentials.ended(idHash);
    credentials.personChanged(me.person_id);
    return { value: me, signedIn: secret };
  };

  return {
    /** The person whose cookie the page carries; null: nobody is signed in. */
    me: query({
      who: 'visitor',
      output: Me.nullable(),
      run: async ({ person: signedIn }) => {
        if (!signedIn) return { value: null };
        const { id, name, role } = signedIn.person;
        return { value: { person_id: id, name, role, work_session_id: signedIn.workSessionId } };
      },
    }),

    /** Signs in by the code of a link. */
    signIn: mutation({
      who: 'visitor',
      input: PeopleInputs.signIn,
      output: Me,
      run: (visitor, { code, name }, io) =>
        signIn(visitor, name, io, (signingIn) => people.signIn(code, signingIn)),
    }),

    /** Signs in by a session that an Astation granted and bound. */
    signInWithSession: mutation({
      who: 'visitor',
      input: PeopleInputs.signInWithSession,
      output: Me,
      run: (visitor, { session, name }, io) =>
        signIn(visitor, name, io, (signingIn) => people.signInWithSession(session, signingIn)),
    }),

    rename: mutation({
      who: 'visitor',
      input: PeopleInputs.rename,
      output: Me,
      run: async (visitor, { name }, { source }) => {
        const person = requirePerson(visitor);
        checkName(name);
        const me = await people.rename(person, name, source);
        credentials.personChanged(me.person_id);
        return { value: me };
      },
    }),

    signOut: mutation({
      who: 'visitor',
      input: PeopleInputs.signOut,
      output: SignedOut,
      run: async (visitor, { everywhere }, { source }) => {
        const ended = await people.signOut(requirePerson(visitor), everywhere, source);
        for (const idHash of ended) credentials.ended(idHash);
        return { value: { ended: ended.length }, signedIn: null };
      },
    }),

    ...makeSessionAdminProcedures(deps, 'person'),
  };
}
