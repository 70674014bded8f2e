import { useState } from 'react';
import { type Program, suggestName } from '../../setup/clients.ts';
import { useCreateKey } from '../access/queries.ts';
import { closeSheet } from '../address.ts';
import { useSession } from '../api/session.tsx';
import { type Connectable, useConnectText } from '../i18n/connect.ts';
import { useText } from '../i18n/index.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Field } from '../ui/field.tsx';
import { ProblemText } from '../ui/problem.tsx';
import { Select } from '../ui/select.tsx';
import { useWorkSession, WorkSessionField } from '../vaults/work-session-field.tsx';
import { Choices } from './choices.tsx';
import { Connecting } from './connecting.tsx';
import type { Place } from './place.ts';

interface AgentFormProps {
  program: Program;
  onChoose: (program: Connectable) => void;
  place: Place;
}

/** A name that the person typed, else one that is suggested for each program. */
function useName(program: Program) {
  const [typed, type] = useState<string | undefined>();
  const [suggested, suggest] = useState({ program, name: suggestName(program) });
  if (suggested.program !== program) suggest({ program, name: suggestName(program) });
  return { name: typed ?? suggested.name, type };
}

/** Asks what an agent is called and what it may do, makes its key, and shows how it is connected. */
export function AgentForm({ program, onChoose, place: { vaultId, workSession } }: AgentFormProps) {
  const text = useText();
  const t = useConnectText();
  const { isOperator } = useSession();
  const choice = useWorkSession();
  const { name, type } = useName(program);
  const [access, setAccess] = useState('write');
  const [onlyHere, setOnlyHere] = useState(true);
  const [missing, setMissing] = useState(false);
  const { mutate, data, isPending, error } = useCreateKey();
  if (data) return <Connecting program={program} made={data} vaultId={vaultId} />;
  const limited = vaultId !== undefined && onlyHere;
  const mustChoose = isOperator && vaultId === undefined;
  const chosen = mustChoose ? choice.value.trim() : workSession;
  // The vault says which work session it belongs to.
  const isLoading = isOperator && chosen === undefined;
  const submit = () => {
    if (isPending || isLoading) return;
    const lacks = !name.trim() || (isOperator && !chosen);
    setMissing(lacks);
    if (lacks) return;
    const writes = limited ? (['read', 'write'] as const) : (['read', 'write', 'create'] as const);
    mutate({
      name: name.trim(),
      client_id: name.trim(),
      scopes: access === 'read' ? ['read'] : [...writes],
      ...(limited && { vaults: [vaultId] }),
      ...(isOperator && chosen !== undefined && { work_session_id: chosen }),
    });
  };
  return (
    <Dialog
      title={text.connect}
      onClose={closeSheet}
      onSubmit={submit}
      actions={
        <>
          <Button onClick={closeSheet}>{text.cancel}</Button>
          <Button type="submit" look="primary" disabled={isPending || isLoading}>
            {isPending ? text.newKey.creating : t.submit}
          </Button>
        </>
      }
    >
      <Choices chosen={program} onChange={onChoose} />
      <Field
        label={t.name}
        hint={t.nameHint}
        value={name}
        maxLength={100}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => type(event.target.value)}
      />
      <Select
        label={t.may}
        value={access}
        options={[
          ['write', limited ? t.mayWrite : t.mayCreate],
          ['read', t.mayRead],
        ]}
        onChange={setAccess}
      />
      {vaultId !== undefined && (
        <label className="check">
          <input type="checkbox" checked={onlyHere} onChange={() => setOnlyHere(!onlyHere)} />
          {t.onlyHere}
        </label>
      )}
      {mustChoose && <WorkSessionField choice={choice} hint={text.newKey.workSessionHint} />}
      {missing && (
        <p role="alert" className="problem">
          {t.missing}
        </p>
      )}
      <ProblemText error={error} />
    </Dialog>
  );
}
