import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { closeSheet, useParameter } from '../address.ts';
import type { Me } from '../api/identity.ts';
import { problemOf } from '../api/problem.ts';
import { useSession } from '../api/session.tsx';
import { useText } from '../i18n/index.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Field } from '../ui/field.tsx';
import { ProblemText } from '../ui/problem.tsx';
import { browserStorage } from '../ui/storage.ts';

/** The person who closed the question. */
const KEY = 'vault-relay.name-asked';

const MAX_CHARACTERS = 100;

function NameDialog({ me, title, onClose }: { me: Me; title: string; onClose: () => void }) {
  const t = useText();
  const { client, changeMe } = useSession();
  const [name, setName] = useState(me.name ?? '');
  const { mutate, isPending, error, failureReason } = useMutation({
    mutationFn: () => client.person.rename.mutate({ name: name.trim() }),
    onSuccess: (renamed) => {
      onClose();
      changeMe(renamed);
    },
  });
  const problem = error ?? failureReason;
  const submit = () => {
    if (name.trim() !== '' && !isPending) mutate();
  };
  return (
    <Dialog
      title={title}
      onClose={onClose}
      onSubmit={submit}
      actions={
        <Button type="submit" look="primary" disabled={isPending || name.trim() === ''}>
          {isPending ? t.saving : t.save}
        </Button>
      }
    >
      <Field
        label={t.name.label}
        hint={t.name.hint}
        value={name}
        maxLength={MAX_CHARACTERS}
        autoComplete="nickname"
        dir="auto"
        onChange={(event) => setName(event.target.value)}
      />
      {problem && problemOf(problem) === 'refused' ? (
        <p role="alert" className="problem">
          {t.name.refused}
        </p>
      ) : (
        <ProblemText error={problem} />
      )}
    </Dialog>
  );
}

/** Asks a person for a name: once after the first sign-in, and whenever the person wants to change it. */
export function NameSheet() {
  const { name: t } = useText();
  const { me } = useSession();
  const changing = useParameter('sheet') === 'name';
  const [asked, setAsked] = useState(() => browserStorage.get(KEY));
  if (!me) return null;
  const skip = () => {
    browserStorage.set(KEY, me.person_id);
    setAsked(me.person_id);
  };
  if (changing) return <NameDialog me={me} title={t.change} onClose={closeSheet} />;
  if (me.name !== null || asked === me.person_id) return null;
  return <NameDialog me={me} title={t.title} onClose={skip} />;
}
