import { Menu } from '@base-ui/react/menu';
import { Tabs } from '@base-ui/react/tabs';
import { type FormEvent, useState } from 'react';
import { makeClient } from '../api/client.ts';
import type { Credentials } from '../api/credentials.ts';
import { isPassing, type Problem, problemOf, retryDelayOf } from '../api/problem.ts';
import { Choices, MenuButton } from '../frame/main-menu.tsx';
import { useTitle } from '../frame/title.ts';
import { type Text, useText } from '../i18n/index.ts';
import { Button } from '../ui/button.tsx';
import { Field } from '../ui/field.tsx';
import { Icon } from '../ui/icons.tsx';
import { ProblemText } from '../ui/problem.tsx';
import { MakeSession } from './make-session.tsx';
import { readSession } from './read-session.ts';
import { SecretField } from './secret-field.tsx';

interface SignInProps {
  onSignIn: (credentials: Credentials) => void;
  /** Whether the previous session expired or was revoked. */
  ended: boolean;
}

/** Why the sign-in failed: a sentence about the input, or the error of the call. */
type Refusal = { sentence: string } | { error: unknown };

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function toRefusal(error: unknown, kind: Credentials['kind'], t: Text['signIn']): Refusal {
  const sentences: Partial<Record<Problem, string>> = {
    ended: kind === 'session' ? t.refused : t.tokenRefused,
    refused: t.badClientId,
  };
  const sentence = sentences[problemOf(error)];
  return sentence === undefined ? { error } : { sentence };
}

function readForm(form: FormData, kind: Credentials['kind']): Credentials | undefined {
  const field = (name: string) => String(form.get(name) ?? '').trim();
  const [session, clientId, token] = [readSession(field('session')), field('clientId'), field('token')];
  if (kind === 'operator') return token ? { kind, token } : undefined;
  return session && clientId ? { kind, session, clientId } : undefined;
}

/** The state of the form: what is wrong, and whether it is being found out. */
function useSignIn({ onSignIn, ended }: SignInProps, kind: Credentials['kind']) {
  const { signIn: t } = useText();
  const [refusal, setRefusal] = useState<Refusal | undefined>(ended ? { sentence: t.ended } : undefined);
  const [busy, setBusy] = useState(false);
  /** Asks the server whether it accepts these, again while what keeps it from answering passes. */
  const findRefusal = async (credentials: Credentials): Promise<Refusal | undefined> => {
    for (let failures = 0; ; failures++) {
      try {
        await makeClient(credentials).vault.listPage.query({ limit: 1 });
        return undefined;
      } catch (error) {
        if (!isPassing(failures, error)) return toRefusal(error, kind, t);
        const ms = retryDelayOf(failures, error);
        setRefusal({ error });
        await wait(ms);
      }
    }
  };
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const credentials = readForm(new FormData(event.currentTarget), kind);
    if (!credentials) return setRefusal({ sentence: t.missing });
    setBusy(true);
    const found = await findRefusal(credentials);
    setBusy(false);
    setRefusal(found);
    if (found === undefined) onSignIn(credentials);
  };
  return { refusal, busy, submit, forget: () => setRefusal(undefined) };
}

function RefusalText({ refusal }: { refusal: Refusal | undefined }) {
  if (refusal && 'error' in refusal) return <ProblemText error={refusal.error} />;
  return (
    <p role="alert" className="problem">
      {refusal?.sentence}
    </p>
  );
}

/** The sign-in form. */
export function SignIn(props: SignInProps) {
  const text = useText();
  const { signIn: t } = text;
  const [kind, setKind] = useState<Credentials['kind']>('session');
  const { refusal, busy, submit, forget } = useSignIn(props, kind);
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
            <Tabs.Panel value="session" className="fields" keepMounted>
              <SecretField label={t.session} hint={t.sessionHint} name="session" read={readSession} />
              <Field label={t.clientId} hint={t.clientIdHint} name="clientId" autoComplete="username" />
            </Tabs.Panel>
            <Tabs.Panel value="operator" className="fields" keepMounted>
              <SecretField label={t.token} hint={t.tokenHint} name="token" read={(text) => text.trim()} />
            </Tabs.Panel>
          </Tabs.Root>
          <RefusalText refusal={refusal} />
          <Button type="submit" look="primary" disabled={busy}>
            {busy ? t.submitting : t.submit}
          </Button>
        </form>
        <MakeSession />
      </main>
    </div>
  );
}
