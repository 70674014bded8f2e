import { useState } from 'react';
import { closeSheet } from '../address.ts';
import { serverUrl } from '../api/connection.ts';
import { useSession } from '../api/session.tsx';
import { useText } from '../i18n/index.ts';
import { Button } from '../ui/button.tsx';
import { Command } from '../ui/command.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Field } from '../ui/field.tsx';
import { ProblemText } from '../ui/problem.tsx';
import { Select } from '../ui/select.tsx';
import { useWorkSession, WorkSessionField } from '../vaults/work-session-field.tsx';
import { useCreateKey } from './queries.ts';

const SCOPES = ['read', 'write', 'create', 'redact', 'admin'] as const;
type Scope = (typeof SCOPES)[number];

const DAY_SECONDS = 86_400;

/** The secret, once, and lines that use it. */
function CreatedKey({ secret }: { secret: string }) {
  const { newKey: t } = useText();
  const lines = `export KEY=${secret}\ncurl -H "Authorization: Bearer $KEY" '${serverUrl('api/vault')}'`;
  return (
    <Dialog
      title={t.doneTitle}
      onClose={closeSheet}
      actions={
        <Button look="primary" onClick={closeSheet}>
          {t.done}
        </Button>
      }
    >
      <p>{t.doneText}</p>
      <Command>{secret}</Command>
      <p>{t.curl}</p>
      <Command>{lines}</Command>
    </Dialog>
  );
}

interface ScopesProps {
  chosen: readonly Scope[];
  onChange: (chosen: Scope[]) => void;
}

function Scopes({ chosen, onChange }: ScopesProps) {
  const { newKey: t } = useText();
  const toggle = (scope: Scope) =>
    onChange(SCOPES.filter((one) => (one === scope ? !chosen.includes(one) : chosen.includes(one))));
  return (
    <fieldset className="scopes">
      <legend className="field-label">{t.scopes}</legend>
      {SCOPES.map((scope) => (
        <label key={scope} className="check">
          <input type="checkbox" checked={chosen.includes(scope)} onChange={() => toggle(scope)} />
          {t.scope[scope]}
        </label>
      ))}
    </fieldset>
  );
}

/** Asks what a new key is for, makes it, and shows it once. */
export function NewKey() {
  const text = useText();
  const t = text.newKey;
  const { isOperator } = useSession();
  const choice = useWorkSession();
  const [name, setName] = useState('');
  const [clientId, setClientId] = useState('');
  const [scopes, setScopes] = useState<Scope[]>(['read', 'write']);
  const [days, setDays] = useState('30');
  const [missing, setMissing] = useState(false);
  const { mutate, data, isPending, error } = useCreateKey();
  if (data) return <CreatedKey secret={data.key} />;
  const submit = () => {
    if (isPending) return;
    const workSession = choice.value.trim();
    const lacks = !name.trim() || !clientId.trim() || scopes.length === 0 || (isOperator && !workSession);
    setMissing(lacks);
    if (lacks) return;
    mutate({
      name: name.trim(),
      client_id: clientId.trim(),
      scopes,
      ...(days && { expires_in: Number(days) * DAY_SECONDS }),
      ...(isOperator && { work_session_id: workSession }),
    });
  };
  return (
    <Dialog
      title={t.title}
      onClose={closeSheet}
      onSubmit={submit}
      actions={
        <>
          <Button onClick={closeSheet}>{text.cancel}</Button>
          <Button type="submit" look="primary" disabled={isPending}>
            {isPending ? t.creating : t.submit}
          </Button>
        </>
      }
    >
      <Field
        label={t.name}
        hint={t.nameHint}
        value={name}
        maxLength={100}
        autoComplete="off"
        dir="auto"
        onChange={(event) => setName(event.target.value)}
      />
      <Field
        label={t.clientId}
        hint={t.clientIdHint}
        value={clientId}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setClientId(event.target.value)}
      />
      {isOperator && <WorkSessionField choice={choice} hint={t.workSessionHint} />}
      <Scopes chosen={scopes} onChange={setScopes} />
      <Select
        label={t.expiry}
        value={days}
        options={[
          ['7', t.days(7)],
          ['30', t.days(30)],
          ['90', t.days(90)],
          ['365', t.year],
          ['', t.never],
        ]}
        onChange={setDays}
      />
      {missing && (
        <p role="alert" className="problem">
          {t.missing}
        </p>
      )}
      <ProblemText error={error} />
    </Dialog>
  );
}
