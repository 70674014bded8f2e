import { useEffect, useState } from 'react';
import { useConnection } from '../api/connection.ts';
import { problemOf, retryTimeOf } from '../api/problem.ts';
import { useText } from '../i18n/index.ts';

const TICK_MS = 500;

/** @returns the whole seconds until a time on the clock of `Date.now()`; undefined when it has passed */
export function useCountdown(until: number): number | undefined {
  const [now, setNow] = useState(Date.now);
  const over = until <= now;
  useEffect(() => {
    if (until <= Date.now()) return;
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    setNow(Date.now());
    return () => clearInterval(timer);
  }, [until]);
  return over ? undefined : Math.ceil((until - now) / 1000);
}

/** Shows why a call failed and when it is retried. Empty without a problem. */
export function ProblemText({ error }: { error: unknown }) {
  const { problems } = useText();
  const { lost } = useConnection();
  const seconds = useCountdown(retryTimeOf(error));
  const problem = error ? problemOf(error) : undefined;
  // Connection errors disappear after a reconnect.
  const holds = problem !== undefined && (problem !== 'unreachable' || lost);
  return (
    <p className="problem">
      <span role="alert">{holds && problems[problem]}</span>
      {holds && seconds !== undefined && <span> {problems.retry(seconds)}</span>}
    </p>
  );
}
