import { type QueryKey, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { type ApiError, codeOf } from './client.ts';
import { connection, useConnectionLost } from './connection.ts';
import { useSession } from './session.tsx';

/** After this long a stream that the server ended is opened anew. */
const REOPEN_MS = 1000;
/** Between two reloads of what changes all the time. */
const RELOAD_MS = 400;

function subscribeToVisibility(listener: () => void): () => void {
  document.addEventListener('visibilitychange', listener);
  return () => document.removeEventListener('visibilitychange', listener);
}

const useVisible = (): boolean =>
  useSyncExternalStore(subscribeToVisibility, () => document.visibilityState === 'visible');

/** What the streams of tRPC take beside `onData`. */
interface StreamHandlers {
  onStarted: () => void;
  onConnectionStateChange: (state: { state: string; error?: unknown }) => void;
  onError: (error: ApiError) => void;
  onComplete: () => void;
}

type OpenStream = (handlers: StreamHandlers) => { unsubscribe: () => void };

/**
 * Keeps a stream open while the page is seen and the server can be reached. A browser opens no more than six
 * connections to one server, for all its tabs: those that nobody sees give theirs back.
 * @param open opens the stream; called anew after each interruption
 * @param key of what the stream is about: another key is another stream
 */
export function useStream(open: OpenStream, key: string): void {
  const { endSession } = useSession();
  const lost = useConnectionLost();
  const visible = useVisible();
  const [attempt, setAttempt] = useState(0);
  const latest = useRef(open);
  useEffect(() => {
    latest.current = open;
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another key or attempt is another stream
  useEffect(() => {
    if (lost || !visible) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const reopen = () => {
      timer = setTimeout(() => setAttempt((n) => n + 1), REOPEN_MS);
    };
    const stream = latest.current({
      onStarted: () => undefined,
      onConnectionStateChange: ({ state, error }) => {
        if (state === 'connecting' && error) void connection.suspect();
      },
      onError: (error) => {
        if (codeOf(error) === 'UNAUTHORIZED') return endSession();
        void connection.suspect();
        reopen();
      },
      onComplete: reopen,
    });
    return () => {
      clearTimeout(timer);
      stream.unsubscribe();
    };
  }, [key, lost, visible, attempt]);
}

/** @returns a function that reloads these queries: at once, and then no more often than the server likes */
export function useReload(...keys: QueryKey[]): () => void {
  const queryClient = useQueryClient();
  const state = useRef({ last: 0, timer: undefined as ReturnType<typeof setTimeout> | undefined });
  useEffect(() => () => clearTimeout(state.current.timer), []);
  return () => {
    const { last, timer } = state.current;
    if (timer !== undefined) return;
    const wait = Math.max(0, last + RELOAD_MS - performance.now());
    state.current.timer = setTimeout(() => {
      state.current = { last: performance.now(), timer: undefined };
      for (const queryKey of keys) void queryClient.invalidateQueries({ queryKey });
    }, wait);
  };
}
