import { useState } from 'react';
import type { Secret } from '../../secrets/scan.ts';
import { useSecrets } from '../compute/use-secrets.ts';
import { useText } from '../i18n/index.ts';
import { Button } from '../ui/button.tsx';

/** Lines that one warning names. */
const NAMED = 3;

/** Says which lines of a text look like secrets, and never what they are. Empty where none does. */
export function SecretWarning({ text }: { text: string }) {
  const secrets = useSecrets(text);
  return secrets.length === 0 ? null : <SecretLines secrets={secrets} />;
}

function SecretLines({ secrets }: { secrets: readonly Secret[] }) {
  const { secret: t } = useText();
  const more = secrets.length - NAMED;
  return (
    <p className="problem" data-secret>
      {secrets.slice(0, NAMED).map(({ kind, line, masked }) => `${t.found(line, kind, masked)} `)}
      {more > 0 && t.more(more)}
    </p>
  );
}

/** Asks for the reason why a refused text may be written. */
export function AllowSecret({ onAllow }: { onAllow: (reason: string) => void }) {
  const { secret: t } = useText();
  const [reason, setReason] = useState('');
  const allow = () => {
    if (reason.trim() !== '') onAllow(reason.trim());
  };
  return (
    <div className="composer-row">
      <input
        className="input"
        aria-label={t.reason}
        placeholder={t.reason}
        maxLength={200}
        value={reason}
        onChange={(event) => setReason(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter') return;
          event.preventDefault();
          allow();
        }}
      />
      <Button onClick={allow} disabled={reason.trim() === ''}>
        {t.allow}
      </Button>
    </div>
  );
}
