import { lazy, Suspense } from 'react';
import type { Me } from '../api/identity.ts';
import { useText } from '../i18n/index.ts';
import { Button } from '../ui/button.tsx';
import { ProblemText } from '../ui/problem.tsx';
import { readUserAgent } from './browser-name.ts';
import { useAstation } from './use-astation.ts';

// It draws the QR code, which the others who sign in do not need.
const AstationRequest = lazy(() => import('./astation-request.tsx'));

/** Asks for a session, and shows how to grant it in Astation until that is done. */
export function AstationWay({ onPerson }: { onPerson: (me: Me) => void }) {
  const { astation: t } = useText();
  const { step, start, stop } = useAstation(onPerson);
  const begin = () => {
    const { browser = 'Browser', system } = readUserAgent(navigator.userAgent);
    start(system === undefined ? browser : t.browser(browser, system));
  };
  if (step.is === 'waiting' || step.is === 'granted') {
    return (
      <Suspense fallback={<p>{t.asking}</p>}>
        <AstationRequest request={step.request} granted={step.is === 'granted'} onCancel={stop} />
      </Suspense>
    );
  }
  const ends: Partial<Record<typeof step.is, string>> = {
    denied: t.denied,
    expired: t.expired,
    neverBound: t.neverBound,
  };
  const ended = ends[step.is];
  return (
    <>
      {step.is === 'failed' && <ProblemText error={step.error} />}
      <p role="alert" className="problem">
        {ended}
      </p>
      {!ended && <p>{t.text}</p>}
      <Button look="primary" disabled={step.is === 'asking'} onClick={begin}>
        {step.is === 'asking' ? t.asking : ended ? t.again : t.start}
      </Button>
    </>
  );
}
