import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef } from 'react';
import { useText } from '../i18n/index.ts';
import { announce } from '../ui/toast.tsx';
import { type Client, makeClient } from './client.ts';
import { useConnection } from './connection.ts';
import type { Credentials } from './credentials.ts';
import type { Me } from './identity.ts';
import { isEnded, isPassing, problemOf, retryDelayOf } from './problem.ts';

interface SignedIn {
  credentials: Credentials;
  /** The person; undefined for other credentials. */
  me: Me | undefined;
  client: Client;
  /** The client of an operator who acts in a work session. */
  clientIn: (workSession: string) => Client;
  /** Whether the vaults of all work sessions are shown. */
  isOperator: boolean;
  /** Whether nothing can be changed. */
  readOnly: boolean;
  /** The name under which the person writes; empty: only the server knows it. */
  writesAs: string;
  /** The person has another name now. */
  changeMe: (me: Me) => void;
  /** Forgets the session, and every draft. @param everywhere whether other browsers are signed out too */
  signOut: (everywhere?: boolean) => void;
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

/** The name that the server writes for a person, who may have none yet. */
const nameOf = ({ name, person_id }: Me): string => name ?? `person-${person_id}`;

function writerOf(credentials: Credentials, me: Me | undefined): string {
  if (credentials.kind === 'session') return credentials.clientId;
  return me ? nameOf(me) : '';
}

/**
 * Ways out of a session.
 * @param leave forgets the session; `ended`: the server no longer accepts it
 * @returns functions that stay the same
 */
function useLeaving(client: Client, credentials: Credentials, leave: (ended: boolean) => void) {
  const { problems } = useText();
  const latest = useRef({ problems, leave });
  useEffect(() => {
    latest.current = { problems, leave };
  });
  return useMemo(() => {
    let leaving = false;
    const signOut = async (everywhere: boolean) => {
      leaving = credentials.kind === 'person';
      try {
        if (leaving) await client.person.signOut.mutate({ everywhere });
      } catch (error) {
        leaving = false;
        // A session that has ended is what was asked for.
        if (!isEnded(error)) return announce(latest.current.problems[problemOf(error)]);
      }
      latest.current.leave(false);
    };
    return {
      signOut: (everywhere = false) => void signOut(everywhere),
      // The server ends the streams of a person who signs out before it answers.
      endSession: () => !leaving && latest.current.leave(true),
    };
  }, [client, credentials]);
}

interface ScopeProps {
  credentials: Credentials;
  me: Me | undefined;
  onChange: (me: Me) => void;
  onSignOut: (ended: boolean) => void;
  children: ReactNode;
}

/** Provides the session of whoever is signed in to the pages. */
export function SignedInScope({ credentials, me, onChange, onSignOut, children }: ScopeProps) {
  const end = useRef(() => {});
  const { queryClient, client, clientIn } = useMemo(
    () => makeTools(credentials, () => end.current()),
    [credentials],
  );
  const { signOut, endSession } = useLeaving(client, credentials, onSignOut);
  useEffect(() => {
    end.current = endSession;
  }, [endSession]);
  useReloadWhenBack(queryClient);
  const session = useMemo(
    (): SignedIn => ({
      credentials,
      me,
      client,
      clientIn,
      isOperator: credentials.kind === 'operator' || me?.role === 'operator',
      readOnly: credentials.kind === 'operator',
      writesAs: writerOf(credentials, me),
      changeMe: onChange,
      signOut,
      endSession,
    }),
    [credentials, me, client, clientIn, onChange, signOut, endSession],
  );
  return (
    <SessionContext value={session}>
      <QueryClientProvider client={queryClient}>{children}</QueryClientProvider>
    </SessionContext>
  );
}

/** What asks the server as this person. */
function makeTools(credentials: Credentials, onEnded: () => void) {
  const acting = new Map<string, Client>();
  const clientIn = (workSession: string): Client => {
    const found = acting.get(workSession) ?? makeClient(credentials, { onEnded, workSession });
    acting.set(workSession, found);
    return found;
  };
  return { client: makeClient(credentials, { onEnded }), clientIn, queryClient: makeQueryClient(onEnded) };
}
