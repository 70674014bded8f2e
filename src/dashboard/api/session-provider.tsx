import { type ReactNode, useMemo, useState } from 'react';
import { forgetDrafts, setDraftOwner } from '../ui/draft.ts';
import { withdrawOffers } from '../ui/toast.tsx';
import { type Credentials, idOfKey, saveCredentials } from './credentials.ts';
import {
  asPerson,
  firstIdentity,
  type Identity,
  type Me,
  useIdentification,
  useSignInElsewhere,
} from './identity.ts';
import { SignedInScope } from './session.tsx';

/** Names whose drafts the tab shows. */
function ownerOf(identity: Identity): string {
  if (identity.is !== 'in') return '';
  const { credentials, me } = identity;
  if (credentials.kind === 'session') return credentials.clientId;
  if (credentials.kind === 'key') return `key:${idOfKey(credentials.key)}`;
  return me ? `person:${me.person_id}` : '';
}

/** Another person, or another role, begins with an empty cache. */
function scopeOf(credentials: Credentials, me: Me | undefined): string {
  return [credentials.kind, me?.person_id, me?.role, me?.work_session_id].join(' ');
}

/** What the sign-in form is given. */
export interface SignInForm {
  onSignIn: (credentials: Credentials) => void;
  onPerson: (me: Me) => void;
  /** Whether the previous session expired or was revoked. */
  ended: boolean;
  /** Why a sign-in link did not work; undefined: there was none. */
  refusal: unknown;
}

interface SessionProviderProps {
  renderForm: (form: SignInForm) => ReactNode;
  /** In the place of everything until the server has said who is signed in. @param error why it has not yet */
  renderUnknown: (error: unknown) => ReactNode;
  children: ReactNode;
}

/** Shows the form until a person is signed in, and the pages from then on. */
export function SessionProvider({ renderForm, renderUnknown, children }: SessionProviderProps) {
  const [identity, setIdentity] = useState(() => {
    const first = firstIdentity();
    setDraftOwner(ownerOf(first));
    return first;
  });
  const handlers = useMemo(() => {
    const change = (next: Identity) => {
      // A discarded draft must not be offered to another person. Those of an ended session wait for the same person.
      if (next.is === 'in' && setDraftOwner(ownerOf(next))) withdrawOffers();
      setIdentity(next);
    };
    return {
      change,
      signIn: (credentials: Credentials) => {
        saveCredentials(credentials);
        change({ is: 'in', credentials });
      },
      becomePerson: (me: Me) => {
        saveCredentials(undefined);
        change(asPerson(me));
      },
      signOut: (ended: boolean) => {
        saveCredentials(undefined);
        if (!ended) {
          forgetDrafts();
          withdrawOffers();
        }
        setIdentity({ is: 'out', ended });
      },
    };
  }, []);
  useIdentification(identity, handlers.change);
  useSignInElsewhere(identity.is === 'out', handlers.change);
  if (identity.is === 'unknown') return renderUnknown(identity.error);
  if (identity.is === 'out') {
    const { ended = false, refusal } = identity;
    return renderForm({ onSignIn: handlers.signIn, onPerson: handlers.becomePerson, ended, refusal });
  }
  const { credentials, me } = identity;
  return (
    <SignedInScope
      key={scopeOf(credentials, me)}
      credentials={credentials}
      me={me}
      onChange={handlers.becomePerson}
      onSignOut={handlers.signOut}
    >
      {children}
    </SignedInScope>
  );
}
