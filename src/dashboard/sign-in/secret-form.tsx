import { Tabs } from '@base-ui/react/tabs';
import { type FormEvent, useState } from 'react';
import { makeClient } from '../api/client.ts';
import type { Credentials } from '../api/credentials.ts';
import { persist } from '../api/persist.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { type Text, useText } from '../i18n/index.ts';
import { Button } from '../ui/button.tsx';
import { Field } from '../ui/field.tsx';
import { ProblemText } from '../ui/problem.tsx';
import { isKey, readSession } from './read-session.ts';
import { SecretField } from './secret-field.tsx';

/** What the form asks for: what an agent or a program has, or the token of an operator. */
type Asked = 'session' | 'operator';

/** Why the sign-in failed: a sentence about the input, or the error of the call. */
type Refusal = { sentence: string } | { error: unknown };

function toRefusal(error: unknown, { kind }: Credentials, t: Text['signIn']): Refusal {
  const ended = { session: t.refused, key: t.keyRefused, operator: t.tokenRefused, person: t.ended };
  const sentences: Partial<Record<Problem, string>> = {
    ended: ended[kind],
    refused: t.badClientId,
    ...(kind === 'key' && { forbidden: t.keyForbidden }),
  };
  const sentence = sentences[problemOf(error)];
  return sentence === undefined ? { error } : { sentence };
}

function readForm(form: FormData, asked: Asked): Credentials | undefined {
  const field = (name: string) => String(form.get(name) ?? '').trim();
  const [secret, clientId, token] = [readSession(field('session')), field('clientId'), field('token')];
  if (asked === 'operator') return token ? { kind: 'operator', token } : undefined;
  if (isKey(secret)) return { kind: 'key', key: secret };
  return secret && clientId ? { kind: 'session', session: secret, clientId } : undefined;
}

/** The state of the form: what is wrong, and whether it is being found out. */
function useSecretForm(asked: Asked, onSignIn: (credentials: Credentials) => void) {
  const { signIn: t } = useText();
  const [refusal, setRefusal] = useState<Refusal | undefined>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const credentials = readForm(new FormData(event.currentTarget), asked);
    if (!credentials) return setRefusal({ sentence: t.missing });
    setBusy(true);
    try {
      const client = makeClient(credentials);
      await persist(
        () => client.vault.listPage.query({ limit: 1 }),
        (error) => setRefusal({ error }),
      );
      onSignIn(credentials);
    } catch (error) {
      setRefusal(toRefusal(error, credentials, t));
    }
    setBusy(false);
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

/** Signs in with a secret that a person has: a session id, a key, or the token of an operator. */
export function SecretForm({ onSignIn }: { onSignIn: (credentials: Credentials) => void }) {
  const { signIn: t } = useText();
  const [asked, setAsked] = useState<Asked>('session');
  const [withKey, setWithKey] = useState(false);
  const { refusal, busy, submit, forget } = useSecretForm(asked, onSignIn);
  const choose = (value: Asked) => {
    forget();
    setAsked(value);
  };
  return (
    <form onSubmit={(event) => void submit(event)} noValidate>
      <Tabs.Root value={asked} onValueChange={choose}>
        <Tabs.List className="segments">
          <Tabs.Tab value="session" className="segment">
            {t.withSession}
          </Tabs.Tab>
          <Tabs.Tab value="operator" className="segment">
            {t.withToken}
          </Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="session" className="fields" keepMounted>
          <SecretField
            label={t.session}
            hint={t.sessionHint}
            name="session"
            read={readSession}
            onRead={(secret) => setWithKey(isKey(secret))}
          />
          {!withKey && (
            <Field label={t.clientId} hint={t.clientIdHint} name="clientId" autoComplete="username" />
          )}
        </Tabs.Panel>
        <Tabs.Panel value="operator" className="fields" keepMounted>
          <SecretField label={t.token} hint={t.tokenHint} name="token" read={(text) => text.trim()} />
        </Tabs.Panel>
      </Tabs.Root>
      <RefusalText refusal={refusal} />
      <Button type="submit" look="plain" disabled={busy}>
        {busy ? t.submitting : t.submit}
      </Button>
    </form>
  );
}
