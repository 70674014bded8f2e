import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useText } from '../i18n/index.ts';
import { Button } from '../ui/button.tsx';
import { Foreign } from '../ui/names.tsx';
import { Time, useDay } from '../ui/time.tsx';

interface AccessRowProps {
  name: string;
  badges?: ReactNode;
  /** Facts beside those that every credential has. */
  children: ReactNode;
  usedAt: string | null;
  expiresAt: string | null;
  /** What its rows name as their proven author. */
  author: string;
  onRevoke: () => void;
}

/** A credential in a list. */
export function AccessRow({ name, badges, children, usedAt, expiresAt, author, onRevoke }: AccessRowProps) {
  const { access: t } = useText();
  const day = useDay();
  return (
    <li className="access-row">
      <p className="access-name">
        <Foreign>{name}</Foreign>
        {badges}
      </p>
      <Button aria-label={t.revokeOf(name)} onClick={onRevoke}>
        {t.revoke}
      </Button>
      <p className="vault-facts">
        {children}
        <span>
          {usedAt === null ? (
            t.unused
          ) : (
            <>
              {t.used} <Time at={usedAt} />
            </>
          )}
        </span>
        <span>{expiresAt === null ? t.lasting : t.expires(day(expiresAt))}</span>
        <Link href={`/?author=${encodeURIComponent(author)}`} aria-label={t.wroteOf(name)}>
          {t.wrote}
        </Link>
      </p>
    </li>
  );
}
