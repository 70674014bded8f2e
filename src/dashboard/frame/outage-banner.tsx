import { useEffect, useRef } from 'react';
import { useConnection } from '../api/connection.ts';
import { useText } from '../i18n/index.ts';
import { Icon } from '../ui/icons.tsx';
import { useCountdown } from '../ui/problem.tsx';
import { announce } from '../ui/toast.tsx';

/** Says that the server is out of reach or asks for a pause, above the page and without moving it, and goes by itself. */
export function OutageBanner() {
  const { connection: t, problems } = useText();
  const { lost, pausedUntil } = useConnection();
  const seconds = useCountdown(pausedUntil);
  const wasLost = useRef(false);
  useEffect(() => {
    if (wasLost.current && !lost) announce(t.back);
    wasLost.current = lost;
  }, [lost, t]);
  const paused = !lost && seconds !== undefined;
  return (
    <div className="outage-place">
      <p className={lost || paused ? 'outage' : undefined}>
        {(lost || paused) && <Icon name="warning" size={16} />}
        <span>
          <span role="alert">{lost ? t.lost : paused && t.paused}</span>
          {paused && ` ${problems.retry(seconds)}`}
        </span>
      </p>
    </div>
  );
}
