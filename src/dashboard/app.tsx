import { CSPProvider } from '@base-ui/react/csp-provider';
import { lazy, Suspense, useEffect } from 'react';
import { Route, Router, Switch } from 'wouter';
import { usePath } from './address.ts';
import { SessionProvider } from './api/session-provider.tsx';
import { Frame } from './frame/frame.tsx';
import { NotFound } from './frame/not-found.tsx';
import { Unknown } from './frame/unknown.tsx';
import { LANGUAGES, useLanguage } from './i18n/index.ts';
import { usePreferences } from './preferences.ts';
import { SignIn } from './sign-in/sign-in.tsx';
import { Toast } from './ui/toast.tsx';
import { VaultsPage } from './vaults/vaults-page.tsx';

// Loaded after the list, which does not need it.
const loadVaultPage = () => import('./vault/vault-page.tsx');
const VaultPage = lazy(loadVaultPage);
/** The list has loaded by then. */
const PRELOAD_MS = 300;
const NowPage = lazy(() => import('./now/now-page.tsx'));
const AccessPage = lazy(() => import('./access/access-page.tsx'));
const StatusPage = lazy(() => import('./status/status-page.tsx'));

/** Tells the document which language and appearance the reader chose. */
function useDocument(): void {
  const { theme } = usePreferences();
  const { tag } = LANGUAGES[useLanguage()];
  useEffect(() => {
    document.documentElement.lang = tag;
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }, [theme, tag]);
}

/** Loads the list first, then preloads the page of a vault. */
function usePreload(): void {
  useEffect(() => {
    // The page of a vault asks for it again, and shows what is wrong then.
    const timer = setTimeout(() => void loadVaultPage().catch(() => undefined), PRELOAD_MS);
    return () => clearTimeout(timer);
  }, []);
}

/** Pages by what stands behind `#`, so that an address works after a reload without the server knowing of it. */
export function App() {
  useDocument();
  usePreload();
  return (
    <CSPProvider disableStyleElements>
      <Router hook={usePath}>
        <SessionProvider
          renderForm={(form) => <SignIn {...form} />}
          renderUnknown={(error) => <Unknown error={error} />}
        >
          <Frame>
            <Suspense fallback={null}>
              <Switch>
                <Route path="/" component={VaultsPage} />
                <Route path="/v/:vaultId/:view?/:version?">
                  {(params: { vaultId: string; view?: string; version?: string }) => (
                    <VaultPage key={params.vaultId} {...params} />
                  )}
                </Route>
                <Route path="/now">
                  <Suspense fallback={<div className="now-skeleton" aria-busy="true" />}>
                    <NowPage />
                  </Suspense>
                </Route>
                <Route path="/access" component={AccessPage} />
                <Route path="/server" component={StatusPage} />
                <Route component={NotFound} />
              </Switch>
            </Suspense>
          </Frame>
        </SessionProvider>
      </Router>
      <Toast />
    </CSPProvider>
  );
}
