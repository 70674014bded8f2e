import { Collapsible } from '@base-ui/react/collapsible';
import { useState } from 'react';
import { shell } from '../../setup/clients.ts';
import { useText } from '../i18n/index.ts';
import { Command } from '../ui/command.tsx';
import { Field } from '../ui/field.tsx';
import { Icon } from '../ui/icons.tsx';

/** Shows the operator's command that makes a session for an Astation. */
export function MakeSession() {
  const { signIn: t } = useText();
  const [astation, setAstation] = useState('my-astation');
  return (
    <Collapsible.Root className="make-session">
      <Collapsible.Trigger className="disclosure">
        <Icon name="forward" size={16} />
        {t.makeOne}
      </Collapsible.Trigger>
      <Collapsible.Panel className="make-session-panel">
        <Field
          label={t.makeOneAstation}
          value={astation}
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => setAstation(event.target.value)}
        />
        <p>{t.makeOneText}</p>
        <Command>
          {shell('npx', 'vault-relay', 'session', 'create', '--astation', astation.trim() || 'my-astation')}
        </Command>
        <p>{t.makeOneAfter}</p>
      </Collapsible.Panel>
    </Collapsible.Root>
  );
}
