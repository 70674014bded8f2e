import { useText } from '../i18n/index.ts';
import { Button } from '../ui/button.tsx';
import { useCountdown } from '../ui/problem.tsx';
import { QrCode } from './qr-code.tsx';
import type { Request } from './use-astation.ts';

/** The link that opens the request in Astation, as the page /auth has it. */
const linkOf = ({ id, otp, hostname }: Request): string =>
  `astation://auth?${new URLSearchParams({ id, tag: hostname, otp }).toString().replaceAll('+', '%20')}`;

const asMinutes = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;

interface AstationRequestProps {
  request: Request;
  /** Whether it was granted, but not bound yet. */
  granted: boolean;
  onCancel: () => void;
}

/** How to grant a request: its code, and the ways into the app. */
export default function AstationRequest({ request, granted, onCancel }: AstationRequestProps) {
  const text = useText();
  const t = text.astation;
  const seconds = useCountdown(request.until) ?? 0;
  const link = linkOf(request);
  return (
    <div className="astation-request">
      <QrCode label={t.qr} text={link} />
      <div className="astation-steps">
        <p>{t.compare}</p>
        <p className="otp">{request.otp}</p>
        <a className="button primary" href={link}>
          {t.open}
        </a>
        <p className="faint">{t.scan}</p>
      </div>
      <div className="astation-state">
        <p>
          <span role="status">{granted && t.unbound}</span>
          {!granted && <span className="faint">{t.waiting(asMinutes(seconds))}</span>}
        </p>
        <Button look="quiet" onClick={onCancel}>
          {text.cancel}
        </Button>
      </div>
    </div>
  );
}
