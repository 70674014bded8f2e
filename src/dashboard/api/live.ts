import { type QueryKey, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { ApiError } from './client.ts';
import { connection, useConnection } from './connection.ts';
import { isEnded } from './problem.ts';
import { useSession } from './session.tsx';

/** Delay before a stream reconnects. Doubles each time that the stream ends immediately. */
const REOPEN_MS = 1000;
const LONGEST_REOPEN_MS = 30_000;
/** A stream that stayed open this long did not end immediately. */
const LASTING_MS = 10_000;
/** Between two reloads of what changes all the time. */
const RELOAD_MS = 5000;

function subscribeToVisibility(listener: () => void): () => void {
  document.addEventListener('visibilitychange', listener);
  return () => document.removeEventListener('visibilitychange', listener);
}

const useVisible = (): boolean =>
  useSyncExternalStore(subscribeToVisibility, () => document.visibilityState === 'visible');

/** Options of tRPC subscriptions, beside `onData`. */
interface StreamHandlers {
  onStarted: () => void;
  onConnectionStateChange: (state: { state: string; error?: unknown }) => void;
  onError: (error: ApiError) => void;
  onComplete: () => void;
}

type OpenStream = (handlers: StreamHandlers) => { unsubscribe: () => void };

/** How a stream is opened again after it ended. */
interface Attempt {
  count: number;
  /** How often in a row the stream ended immediately. */
  failures: number;
}

/** Opens a stream. @returns a function that closes it; after that it neither reopens nor reports anything */
function follow(open: OpenStream, reopen: (lasted: boolean) => void, endSession: () => void): () => void {
  const began = performance.now();
  let closed = false;
  const end = () => {
    // `unsubscribe` completes a stream too.
    if (!closed) reopen(performance.now() - began > LASTING_MS);
    closed = true;
  };
  const stream = open({
    onStarted: () => undefined,
    onConnectionStateChange: ({ state, error }) => {
      if (!closed && state === 'connecting' && error) void connection.suspect();
    },
    onError: (error) => {
      if (isEnded(error)) {
        closed = true;
        endSession();
      } else if (!closed) {
        void connection.suspect();
        end();
      }
    },
    onComplete: end,
  });
  return () => {
    closed = true;
    stream.unsubscribe();
  };
}

/**
 * Keeps a stream open while the page is seen and the server can be reached. A browser opens no more than six
 * connections to one server, for all its tabs: those that nobody sees give theirs back.
 * @param open opens the stream; called again after each interruption
 * @param key of what the stream is about: another key is another stream; undefined: none yet
 */
export function useStream(open: OpenStream, key: string | undefined): void {
  const { endSession } = useSession();
  const { lost } = useConnection();
  const visible = useVisible();
  const [attempt, setAttempt] = useState<Attempt>({ count: 0, failures: 0 });
  const latest = useRef(open);
  useEffect(() => {
    latest.current = open;
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another key or attempt is another stream
  useEffect(() => {
    if (lost || !visible || key === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const reopen = (lasted: boolean) => {
      const failures = lasted ? 0 : attempt.failures + 1;
      const wait = Math.min(LONGEST_REOPEN_MS, REOPEN_MS * 2 ** Math.min(attempt.failures, 10));
      timer = setTimeout(() => setAttempt({ count: attempt.count + 1, failures }), lasted ? REOPEN_MS : wait);
    };
    const close = follow((handlers) => latest.current(handlers), reopen, endSession);
    return () => {
      clearTimeout(timer);
      close();
    };
  }, [key, lost, visible, attempt]);
}

/** Throttles `work`. @returns a function that runs it immediately, then at most once per interval in ms */
export function useThrottled(work: () => void, ms: number): () => void {
  const latest = useRef(work);
  useEffect(() => {
    latest.current = work;
  });
  const state = useRef({
    last: Number.NEGATIVE_INFINITY,
    timer: undefined as ReturnType<typeof setTimeout> | undefined,
  });
  useEffect(() => () => clearTimeout(state.current.timer), []);
  return () => {
    const { last, timer } = state.current;
    if (timer !== undefined) return;
    const run = () => {
      state.current = { last: performance.now(), timer: undefined };
      latest.current();
    };
    state.current.timer = setTimeout(run, Math.max(0, last + ms - performance.now()));
  };
}

/** @returns a throttled function that reloads these queries */
export function useReload(...keys: QueryKey[]): () => void {
  const queryClient = useQueryClient();
  return useThrottled(() => {
    for (const queryKey of keys) void queryClient.invalidateQueries({ queryKey });
  }, RELOAD_MS);
}
