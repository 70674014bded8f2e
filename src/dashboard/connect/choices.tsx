import { PROGRAMS } from '../../setup/clients.ts';
import { type Connectable, useConnectText } from '../i18n/connect.ts';

const CONNECTABLE: readonly Connectable[] = [...PROGRAMS, 'atem'];

interface ChoicesProps {
  chosen: Connectable;
  onChange: (program: Connectable) => void;
}

/** What can be connected, as radio buttons. */
export function Choices({ chosen, onChange }: ChoicesProps) {
  const t = useConnectText();
  return (
    <fieldset className="choices">
      <legend className="field-label">{t.what}</legend>
      {CONNECTABLE.map((program) => (
        <label key={program} className="choice">
          <input
            type="radio"
            name="program"
            checked={program === chosen}
            onChange={() => onChange(program)}
          />
          {t.programs[program]}
        </label>
      ))}
    </fieldset>
  );
}
