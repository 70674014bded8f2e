import { Menu } from '@base-ui/react/menu';
import { Tabs } from '@base-ui/react/tabs';
import { type FormEvent, useState } from 'react';
import { codeOf, isApiError, makeClient } from '../api/client.ts';
import type { Credentials } from '../api/credentials.ts';
import { Choices, MenuButton } from '../frame/main-menu.tsx';
import { useTitle } from '../frame/title.ts';
import { type Text, useText } from '../i18n/index.ts';
import { Button } from '../ui/button.tsx';
import { Field } from '../ui/field.tsx';
import { Icon } from '../ui/icons.tsx';
import { MakeSession } from './make-session.tsx';

interface SignInProps {
  onSignIn: (credentials: Credentials) => void;
  /** Whether a session has just ended by itself. */
  ended: boolean;
}

/** Asks the server whether it accepts these. @returns what is wrong with them, as a sentence, or undefined */
async function findRefusal(credentials: Credentials, t: Text['signIn']): Promise<string | undefined> {
  try {
    await makeClient(credentials).vault.listPage.query({ limit: 1 });
    return undefined;
  } catch (error) {
    if (codeOf(error) === 'UNAUTHORIZED') return credentials.kind === 'session' ? t.refused : t.tokenRefused;
    return isApiError(error) && error.data ? error.message : t.unreachable;
  }
}

function readForm(form: FormData, kind: Credentials['kind']): Credentials | undefined {
  const field = (name: string) => String(form.get(name) ?? '').trim();
  const [session, clientId, token] = [field('session'), field('clientId'), field('token')];
  if (kind === 'operator') return token ? { kind, token } : undefined;
  return session && clientId ? { kind, session, clientId } : undefined;
}

/** The state of the form: what is wrong, and whether it is being found out. */
function useSignIn({ onSignIn, ended }: SignInProps, kind: Credentials['kind']) {
  const { signIn: t } = useText();
  const [problem, setProblem] = useState<string | undefined>(ended ? t.ended : undefined);
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const credentials = readForm(new FormData(event.currentTarget), kind);
    if (!credentials) return setProblem(t.missing);
    setBusy(true);
    const refusal = await findRefusal(credentials, t);
    setBusy(false);
    setProblem(refusal);
    if (refusal === undefined) onSignIn(credentials);
  };
  return { problem, busy, submit, forget: () => setProblem(undefined) };
}

/** The form of who is not signed in. */
export function SignIn(props: SignInProps) {
  const text = useText();
  const { signIn: t } = text;
  const [kind, setKind] = useState<Credentials['kind']>('session');
  const { problem, busy, submit, forget } = useSignIn(props, kind);
  useTitle(t.submit);
  const choose = (value: Credentials['kind']) => {
    forget();
    setKind(value);
  };
  return (
    <div className="sign-in-page">
      <header className="top bare">
        <span className="brand">
          <span className="brand-mark">
            <Icon name="vault" size={20} />
          </span>
          {text.brand}
        </span>
        <MenuButton>
          <Choices />
          <Menu.Separator className="menu-line" />
        </MenuButton>
      </header>
      <main className="sign-in">
        <h1>{t.title}</h1>
        <p className="lead">{t.lead}</p>
        <form className="card" onSubmit={(event) => void submit(event)} noValidate>
          <Tabs.Root value={kind} onValueChange={choose}>
            <Tabs.List className="segments">
              <Tabs.Tab value="session" className="segment">
                {t.withSession}
              </Tabs.Tab>
              <Tabs.Tab value="operator" className="segment">
                {t.withToken}
              </Tabs.Tab>
            </Tabs.List>
            <Tabs.Panel value="session" className="fields">
              <Field
                label={t.session}
                hint={t.sessionHint}
                name="session"
                autoComplete="off"
                spellCheck={false}
                autoCapitalize="none"
              />
              <Field label={t.clientId} hint={t.clientIdHint} name="clientId" autoComplete="username" />
            </Tabs.Panel>
            <Tabs.Panel value="operator" className="fields">
              <Field label={t.token} hint={t.tokenHint} name="token" type="password" autoComplete="off" />
            </Tabs.Panel>
          </Tabs.Root>
          <p role="alert" className="problem">
            {problem}
          </p>
          <Button type="submit" look="primary" disabled={busy}>
            {busy ? t.submitting : t.submit}
          </Button>
        </form>
        <MakeSession />
      </main>
    </div>
  );
}
