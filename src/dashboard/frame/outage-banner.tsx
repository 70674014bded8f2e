import { useEffect, useRef } from 'react';
import { useConnectionLost } from '../api/connection.ts';
import { useText } from '../i18n/index.ts';
import { Icon } from '../ui/icons.tsx';
import { announce } from '../ui/toast.tsx';

/** Says that the server is out of reach, above the page and without moving it, and goes by itself. */
export function OutageBanner() {
  const t = useText();
  const lost = useConnectionLost();
  const wasLost = useRef(false);
  useEffect(() => {
    if (wasLost.current && !lost) announce(t.connection.back);
    wasLost.current = lost;
  }, [lost, t]);
  return (
    <div role="alert" className="outage-place">
      {lost && (
        <p className="outage">
          <Icon name="warning" size={16} />
          {t.connection.lost}
        </p>
      )}
    </div>
  );
}
