import { useEffect, useRef } from 'react';
import { linkCode } from '../link-code.ts';
import { useShared } from '../shared-state.ts';
import { type Client, makeClient } from './client.ts';
import { type Credentials, loadCredentials, PERSON, saveCredentials } from './credentials.ts';
import { persistUntilReached } from './persist.ts';

/** The person whose cookie this browser has. */
export type Me = NonNullable<Awaited<ReturnType<Client['person']['me']['query']>>>;

/** Who uses the page. */
export type Identity =
  /** The server was asked. `error`: why it has not answered yet. */
  | { is: 'unknown'; error?: unknown }
  /** `ended`: the session ended by itself. `refusal`: why a sign-in link did not work. */
  | { is: 'out'; ended?: boolean; refusal?: unknown }
  | { is: 'in'; credentials: Credentials; me?: Me };

/** Calls as whoever the cookie names. */
export const visitor = makeClient(PERSON);

export const asPerson = (me: Me): Identity => ({ is: 'in', credentials: PERSON, me });

/** @returns who uses the page before the server was asked */
export function firstIdentity(): Identity {
  const credentials = linkCode.value === undefined ? loadCredentials() : undefined;
  return credentials ? { is: 'in', credentials } : { is: 'unknown' };
}

type OnFailure = (error: unknown) => void;

/** Asks whom the cookie names. A server that refuses to say so has no people here. */
async function askWho(onFailure: OnFailure): Promise<Identity> {
  // The form shows no reason, because its other ways still work.
  const me = await persistUntilReached(() => visitor.person.me.query(), onFailure).catch(() => null);
  return me ? asPerson(me) : { is: 'out' };
}

async function exchange(code: string, onFailure: OnFailure): Promise<Identity> {
  try {
    const me = await persistUntilReached(() => visitor.person.signIn.mutate({ code }), onFailure);
    saveCredentials(undefined);
    return asPerson(me);
  } catch (refusal) {
    // A link that was opened again finds the person signed in.
    const credentials = loadCredentials();
    const found: Identity = credentials ? { is: 'in', credentials } : await askWho(onFailure);
    return found.is === 'in' ? found : { is: 'out', refusal };
  }
}

/** Finds out who uses the page, at the start and when a sign-in link is opened in this tab. */
export function useIdentification(identity: Identity, change: (identity: Identity) => void): void {
  const code = useShared(linkCode, (value) => value);
  const finding = useRef<Promise<void> | undefined>(undefined);
  const { is } = identity;
  useEffect(() => {
    if (is !== 'unknown') finding.current = undefined;
    if ((is !== 'unknown' && code === undefined) || finding.current) return;
    const onFailure = (error: unknown) => change({ is: 'unknown', error });
    const find = async () => {
      if (is !== 'unknown') change({ is: 'unknown' });
      const found = await (code === undefined ? askWho(onFailure) : exchange(code, onFailure));
      if (linkCode.value === code) linkCode.set(undefined);
      change(found);
    };
    finding.current = find();
  }, [is, code, change]);
}

/** While nobody is signed in: looks again when the tab is shown, because another tab may have signed in. */
export function useSignInElsewhere(isOut: boolean, change: (identity: Identity) => void): void {
  useEffect(() => {
    if (!isOut) return;
    const look = async () => {
      if (document.visibilityState !== 'visible') return;
      // The form stays where it is without an answer.
      const me = await visitor.person.me.query().catch(() => null);
      if (me) change(asPerson(me));
    };
    const listener = () => void look();
    document.addEventListener('visibilitychange', listener);
    return () => document.removeEventListener('visibilitychange', listener);
  }, [isOut, change]);
}
