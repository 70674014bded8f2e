import { Menu } from '@base-ui/react/menu';
import { type ReactNode, useId } from 'react';
import { isEnded, problemOf } from '../api/problem.ts';
import type { SignInForm } from '../api/session-provider.tsx';
import { Choices, MenuButton } from '../frame/main-menu.tsx';
import { useTitle } from '../frame/title.ts';
import { useText } from '../i18n/index.ts';
import { Command } from '../ui/command.tsx';
import { Icon } from '../ui/icons.tsx';
import { ProblemText } from '../ui/problem.tsx';
import { AstationWay } from './astation-way.tsx';
import { MakeSession } from './make-session.tsx';
import { SecretForm } from './secret-form.tsx';

function Way({ title, children }: { title: string; children: ReactNode }) {
  const id = useId();
  return (
    <section className="way" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  );
}

/** Why the page shows the form: the session ended, or the link did not work. */
function Reason({ ended, refusal }: Pick<SignInForm, 'ended' | 'refusal'>) {
  const { signIn: t } = useText();
  const known = isEnded(refusal) ? t.linkRefused : problemOf(refusal) === 'forbidden' && t.foreignAddress;
  const sentence = refusal === undefined ? ended && t.ended : known;
  if (refusal !== undefined && !sentence) return <ProblemText error={refusal} />;
  return (
    <p role="alert" className="problem">
      {sentence}
    </p>
  );
}

/** The ways in, the one that asks for least first. */
export function SignIn({ onSignIn, onPerson, ...reason }: SignInForm) {
  const text = useText();
  const { signIn: t, astation } = text;
  useTitle(t.submit);
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
        <Reason {...reason} />
        <div className="card ways">
          <Way title={t.link}>
            <p>{t.linkText}</p>
            <Command>npx vault-relay open</Command>
            <p className="faint">{t.linkHint}</p>
          </Way>
          <Way title={astation.title}>
            <AstationWay onPerson={onPerson} />
          </Way>
          <Way title={t.secret}>
            <SecretForm onSignIn={onSignIn} />
            <MakeSession />
          </Way>
        </div>
      </main>
    </div>
  );
}
