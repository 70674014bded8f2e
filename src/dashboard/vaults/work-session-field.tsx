import { useState } from 'react';
import { useText } from '../i18n/index.ts';
import { Field } from '../ui/field.tsx';
import { Select } from '../ui/select.tsx';
import { useWorkSessions } from './work-sessions.ts';

/** No work session has this id. */
const OTHER = '';

interface Choice {
  known: string[];
  /** The chosen one of the known; `OTHER`: the typed one. */
  chosen: string;
  value: string;
  choose: (chosen: string) => void;
  type: (typed: string) => void;
}

/** The work session that an operator chooses or names. */
export function useWorkSession(): Choice {
  const { workSession: t } = useText();
  const known = useWorkSessions() ?? [];
  const [choice, choose] = useState<string | undefined>();
  const [typed, type] = useState<string>(t.first);
  const chosen = choice ?? known[0] ?? OTHER;
  return { known, chosen, value: chosen === OTHER ? typed : chosen, choose, type };
}

/** Asks for a work session: one of the known, or another by its name. */
export function WorkSessionField({ choice, hint }: { choice: Choice; hint: string }) {
  const { workSession: t } = useText();
  const { known, chosen, value, choose, type } = choice;
  const options = [...known.map((id): [string, string] => [id, id]), [OTHER, t.other] as [string, string]];
  return (
    <>
      {known.length > 0 && (
        <Select label={t.label} hint={hint} value={chosen} options={options} onChange={choose} />
      )}
      {chosen === OTHER && (
        <Field
          label={known.length > 0 ? t.name : t.label}
          hint={known.length > 0 ? undefined : hint}
          value={value}
          maxLength={255}
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => type(event.target.value)}
        />
      )}
    </>
  );
}
