import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { type Client, codeOf, isOutage, makeClient } from './client.ts';
import { connection } from './connection.ts';
import { type Credentials, loadCredentials, saveCredentials } from './credentials.ts';

interface SignedIn {
  credentials: Credentials;
  client: Client;
  /** What an operator sees changes nothing. */
  readOnly: boolean;
  signOut: () => void;
  /** The server accepts the session no longer. */
  endSession: () => void;
}

const SessionContext = createContext<SignedIn | undefined>(undefined);

/** Who is signed in, and the client that calls as they. @throws Error outside of a session, which is a mistake */
export function useSession(): SignedIn {
  const session = useContext(SessionContext);
  if (!session) throw new Error('useSession needs a SessionProvider above it');
  return session;
}

const TRIES_WHEN_LIMITED = 5;
const PAUSE_WHEN_LIMITED_MS = 4000;

/** Queries of one person. What was loaded as another is not shown to them. */
function makeQueryClient(onEnded: () => void): QueryClient {
  const onError = (error: unknown) => {
    if (codeOf(error) === 'UNAUTHORIZED') onEnded();
    else if (isOutage(error)) connection.reportLost();
  };
  return new QueryClient({
    queryCache: new QueryCache({ onError }),
    defaultOptions: {
      queries: {
        // The browser's guess about the network says nothing of a server in the same house.
        networkMode: 'always',
        staleTime: 5000,
        retry: (failures, error) => codeOf(error) === 'TOO_MANY_REQUESTS' && failures < TRIES_WHEN_LIMITED,
        retryDelay: PAUSE_WHEN_LIMITED_MS,
      },
      mutations: { networkMode: 'always', onError },
    },
  });
}

/** Loads everything anew when the server is back. */
function useReload(queryClient: QueryClient): void {
  useEffect(
    () =>
      connection.listen(() => {
        if (!connection.lost) void queryClient.invalidateQueries();
      }),
    [queryClient],
  );
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
      client: makeClient(credentials),
      readOnly: credentials.kind === 'operator',
      signOut: () => onSignOut(false),
      endSession: () => onSignOut(true),
    }),
    [credentials, onSignOut],
  );
  useReload(queryClient);
  return (
    <SessionContext value={session}>
      <QueryClientProvider client={queryClient}>{children}</QueryClientProvider>
    </SessionContext>
  );
}

interface SessionProviderProps {
  /** The form, for who is not signed in. @param ended whether a session has just ended by itself */
  renderForm: (form: { onSignIn: (credentials: Credentials) => void; ended: boolean }) => ReactNode;
  children: ReactNode;
}

/** Shows the form until a person is signed in, and the pages from then on. */
export function SessionProvider({ renderForm, children }: SessionProviderProps) {
  const [state, setState] = useState({ credentials: loadCredentials(), ended: false });
  const handlers = useMemo(
    () => ({
      signIn: (credentials: Credentials) => {
        saveCredentials(credentials);
        setState({ credentials, ended: false });
      },
      signOut: (ended: boolean) => {
        saveCredentials(undefined);
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
