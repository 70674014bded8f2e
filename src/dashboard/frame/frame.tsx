import { lazy, type ReactNode, Suspense, useEffect, useRef } from 'react';
import { Link } from 'wouter';
import { addressOf, navigate, openSheet, useParameter, usePath } from '../address.ts';
import { useSession } from '../api/session.tsx';
import { useText } from '../i18n/index.ts';
import { Icon } from '../ui/icons.tsx';
import { useShortcuts } from '../ui/shortcuts.ts';
import { ErrorBoundary } from './error-boundary.tsx';
import { MainMenu } from './main-menu.tsx';
import { NameSheet } from './name-sheet.tsx';
import { OutageBanner } from './outage-banner.tsx';
import { ShortcutsSheet } from './shortcuts-sheet.tsx';
import { SignOutSheet } from './sign-out-sheet.tsx';

const ConnectSheet = lazy(() => import('../connect/connect-sheet.tsx'));

/** After a step to another page, screen readers and the Tab key start at its beginning. */
function useFocusOnNavigation(main: React.RefObject<HTMLElement | null>, page: string): void {
  const shown = useRef(page);
  useEffect(() => {
    if (shown.current === page) return;
    shown.current = page;
    main.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [page, main]);
}

const showKeys = () => openSheet('keys');

/** The frame around every page. */
export function Frame({ children }: { children: ReactNode }) {
  const t = useText();
  const { readOnly } = useSession();
  const sheet = useParameter('sheet');
  const [location] = usePath();
  // Navigation within a vault keeps the focus, because the page stays the same.
  const page = location.split('/').slice(0, 3).join('/');
  const main = useRef<HTMLElement>(null);
  useFocusOnNavigation(main, page);
  useShortcuts({ '?': showKeys, v: () => navigate(addressOf('/')), a: () => navigate(addressOf('/now')) });
  return (
    <>
      <button type="button" className="skip-link button plain" onClick={() => main.current?.focus()}>
        {t.skipToContent}
      </button>
      <header className="top">
        <Link href="/now" className="brand">
          <span className="brand-mark">
            <Icon name="vault" size={20} />
          </span>
          <span className="brand-name">{t.brand}</span>
        </Link>
        <nav className="top-nav" aria-label={t.menu.pages}>
          <Link href={addressOf('/now')} aria-current={page === '/now' ? 'page' : undefined}>
            {t.menu.now}
          </Link>
          <Link href={addressOf('/')} aria-current={page === '/' ? 'page' : undefined}>
            {t.vaults.title}
          </Link>
        </nav>
        <div className="top-end">
          {readOnly && <span className="badge">{t.menu.readOnly}</span>}
          <MainMenu onShortcuts={showKeys} />
        </div>
      </header>
      <OutageBanner />
      <main ref={main} className="main" tabIndex={-1}>
        <ErrorBoundary key={page}>
          {children}
          {sheet === 'connect' && (
            <Suspense fallback={null}>
              <ConnectSheet />
            </Suspense>
          )}
        </ErrorBoundary>
      </main>
      {sheet === 'keys' && <ShortcutsSheet />}
      {sheet.startsWith('sign-out') && <SignOutSheet everywhere={sheet === 'sign-out-everywhere'} />}
      <NameSheet />
    </>
  );
}
