import { useEffect, useRef, useState } from 'react';
import { codeOf } from '../api/client.ts';
import { type Me, visitor } from '../api/identity.ts';
import { persist } from '../api/persist.ts';
import { isEnded, isPassing, problemOf } from '../api/problem.ts';

/** A session that this browser asked for. */
export interface Request {
  id: string;
  otp: string;
  /** Under which name Astation shows the browser. */
  hostname: string;
  /** When it expires, on the clock of `Date.now()`. */
  until: number;
}

/** How far the sign-in is. */
export type Step =
  | { is: 'idle' | 'asking' | 'denied' | 'expired' | 'neverBound' }
  /** `granted`: but no Astation has bound it yet. */
  | { is: 'waiting' | 'granted'; request: Request }
  | { is: 'failed'; error: unknown };

const POLL_MS = 2000;
/** The server counts attempts to sign in, so those that come too early get rarer. */
const MAX_POLL_MS = 10_000;

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function ask(hostname: string, onFailure: (error: unknown) => void): Promise<Request> {
  const answer = await persist(() => visitor.session.create.mutate({ hostname }), onFailure);
  // The clock of the server may differ from this one.
  const lifetime = Date.parse(answer.expires_at) - Date.parse(answer.created_at);
  return { id: answer.id, otp: answer.otp, hostname, until: Date.now() + lifetime };
}

type State = 'pending' | 'granted' | 'denied' | 'expired';

/** @returns undefined while the server does not answer */
async function readState({ id }: Request): Promise<State | undefined> {
  try {
    return (await visitor.session.status.query({ id })).status;
  } catch (error) {
    if (codeOf(error) === 'NOT_FOUND') return 'expired';
    if (problemOf(error) === 'unreachable' || isPassing(0, error)) return undefined;
    throw error;
  }
}

/** @returns the person; undefined while no Astation has bound the session */
async function signIn({ id }: Request): Promise<Me | undefined> {
  try {
    return await visitor.person.signInWithSession.mutate({ session: id });
  } catch (error) {
    if (isEnded(error) || problemOf(error) === 'unreachable' || isPassing(0, error)) return undefined;
    throw error;
  }
}

interface Listener {
  show: (step: Step) => void;
  onPerson: (me: Me) => void;
  signal: AbortSignal;
}

/** Waits for the grant of a request, and signs in with it. */
async function follow(request: Request, { show, onPerson, signal }: Listener): Promise<void> {
  let [pause, granted] = [POLL_MS, false];
  while (Date.now() < request.until) {
    await wait(pause);
    if (signal.aborted) return;
    const state = await readState(request);
    if (state === 'denied' || state === 'expired') return show({ is: state });
    if (state !== 'granted') continue;
    const me = await signIn(request);
    if (signal.aborted) return;
    if (me) return onPerson(me);
    if (granted) pause = Math.min(MAX_POLL_MS, pause * 2);
    granted = true;
    show({ is: 'granted', request });
  }
  show({ is: granted ? 'neverBound' : 'expired' });
}

/**
 * Signs in by a session that this browser asks for as an agent does, and that a person grants in Astation.
 * @returns the step, and functions that begin and stop it
 */
export function useAstation(onPerson: (me: Me) => void) {
  const [step, setStep] = useState<Step>({ is: 'idle' });
  const running = useRef<AbortController | undefined>(undefined);
  const stop = () => {
    running.current?.abort();
    setStep({ is: 'idle' });
  };
  useEffect(() => () => running.current?.abort(), []);
  const start = async (hostname: string) => {
    running.current?.abort();
    const control = new AbortController();
    const { signal } = control;
    running.current = control;
    const show = (next: Step) => !signal.aborted && setStep(next);
    show({ is: 'asking' });
    try {
      const request = await ask(hostname, (error) => show({ is: 'failed', error }));
      show({ is: 'waiting', request });
      await follow(request, { show, onPerson, signal });
    } catch (error) {
      show({ is: 'failed', error });
    }
  };
  return { step, start: (hostname: string) => void start(hostname), stop };
}
