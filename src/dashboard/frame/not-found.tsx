import { Link } from 'wouter';
import { useText } from '../i18n/index.ts';

/** For an address that leads nowhere. */
export function NotFound() {
  const t = useText();
  return (
    <div className="notice">
      <h1>{t.notFound.title}</h1>
      <p>{t.notFound.text}</p>
      <Link href="/" className="button plain">
        {t.notFound.link}
      </Link>
    </div>
  );
}
