import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from 'react';
import { forgetDrafts, setDraftOwner } from '../ui/draft.ts';
import { withdrawOffers } from '../ui/toast.tsx';
import { type Client, makeClient } from './client.ts';
import { useConnection } from './connection.ts';
import { type Credentials, loadCredentials, saveCredentials } from './credentials.ts';
import { isEnded, isPassing, retryDelayOf } from './problem.ts';

interface SignedIn {
  credentials: Credentials;
  client: Client;
  /** What an operator sees changes nothing. */
  readOnly: boolean;
  /** Forgets the session, and every draft. */
  signOut: () => void;
  /** The server no longer accepts the session. Drafts stay for the same person. */
  endSession: () => void;
}

const SessionContext = createContext<SignedIn | undefined>(undefined);

/** The signed-in person and their client. @throws Error outside of a session, which is a bug */
export function useSession(): SignedIn {
  const session = useContext(SessionContext);
  if (!session) throw new Error('useSession needs a SessionProvider above it');
  return session;
}

/** A query cache per person, so that nobody sees data loaded by another person. */
function makeQueryClient(onEnded: () => void): QueryClient {
  const onError = (error: unknown) => {
    if (isEnded(error)) onEnded();
  };
  // Ignores the browser's online state, because the server may be on the local network.
  const always = { networkMode: 'always', retry: isPassing, retryDelay: retryDelayOf } as const;
  return new QueryClient({
    queryCache: new QueryCache({ onError }),
    // A repeated write has the same idempotency key, so that it does not happen twice.
    mutationCache: new MutationCache({ onError }),
    defaultOptions: { queries: { ...always, staleTime: 5000 }, mutations: always },
  });
}

/** Reloads failed queries and queries without a stream after a reconnect. */
function useReloadWhenBack(queryClient: QueryClient): void {
  const { lost } = useConnection();
  const wasLost = useRef(false);
  useEffect(() => {
    if (wasLost.current && !lost) {
      void queryClient.invalidateQueries({
        predicate: ({ meta, state }) => meta?.followed !== true || state.status === 'error',
      });
    }
    wasLost.current = lost;
  }, [lost, queryClient]);
}

interface SignedInProps {
  credentials: Credentials;
  onSignOut: (ended: boolean) => void;
  children: ReactNode;
}

function SignedInScope({ credentials, onSignOut, children }: SignedInProps) {
  const queryClient = useMemo(() => makeQueryClient(() => onSignOut(true)), [onSignOut]);
  const session = useMemo(
    () => ({
      credentials,
      client: makeClient(credentials, () => onSignOut(true)),
      readOnly: credentials.kind === 'operator',
      signOut: () => onSignOut(false),
      endSession: () => onSignOut(true),
    }),
    [credentials, onSignOut],
  );
  useReloadWhenBack(queryClient);
  return (
    <SessionContext value={session}>
      <QueryClientProvider client={queryClient}>{children}</QueryClientProvider>
    </SessionContext>
  );
}

const ownerOf = (credentials: Credentials | undefined): string =>
  credentials?.kind === 'session' ? credentials.clientId : '';

interface SessionProviderProps {
  /** The sign-in form. @param ended whether the previous session expired or was revoked */
  renderForm: (form: { onSignIn: (credentials: Credentials) => void; ended: boolean }) => ReactNode;
  children: ReactNode;
}

/** Shows the form until a person is signed in, and the pages from then on. */
export function SessionProvider({ renderForm, children }: SessionProviderProps) {
  const [state, setState] = useState(() => {
    const credentials = loadCredentials();
    setDraftOwner(ownerOf(credentials));
    return { credentials, ended: false };
  });
  const handlers = useMemo(
    () => ({
      signIn: (credentials: Credentials) => {
        saveCredentials(credentials);
        // A discarded draft must not be offered to another person.
        if (setDraftOwner(ownerOf(credentials))) withdrawOffers();
        setState({ credentials, ended: false });
      },
      signOut: (ended: boolean) => {
        saveCredentials(undefined);
        if (!ended) {
          forgetDrafts();
          withdrawOffers();
        }
        setState({ credentials: undefined, ended });
      },
    }),
    [],
  );
  if (!state.credentials) return renderForm({ onSignIn: handlers.signIn, ended: state.ended });
  return (
    <SignedInScope credentials={state.credentials} onSignOut={handlers.signOut}>
      {children}
    </SignedInScope>
  );
}
