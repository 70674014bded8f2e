import { KEY_VARIABLE, type Program, type Setup, setUp } from '../../setup/clients.ts';
import { closeSheet } from '../address.ts';
import { serverUrl } from '../api/connection.ts';
import { useConnectText } from '../i18n/connect.ts';
import { useText } from '../i18n/index.ts';
import { Button } from '../ui/button.tsx';
import { Command } from '../ui/command.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Icon } from '../ui/icons.tsx';
import { Time } from '../ui/time.tsx';
import { useFirstUse } from './first-use.ts';

/** What the person pastes, and what belongs to it. */
function Steps({ setup: { text, file, keyFrom }, secret }: { setup: Setup; secret: string }) {
  const t = useConnectText();
  return (
    <>
      <p>{file === undefined ? t.run : t.save(file)}</p>
      <Command>{text}</Command>
      {keyFrom === 'question' && (
        <>
          <p>{t.question}</p>
          <Command>{secret}</Command>
        </>
      )}
      <p className="faint">
        {t.once}
        {keyFrom === 'environment' && ` ${t.environment(KEY_VARIABLE)}`}
      </p>
    </>
  );
}

/** Whether the agent has called, as soon as it has. */
function FirstCall({ id }: { id: string }) {
  const t = useConnectText();
  const usedAt = useFirstUse(id);
  return (
    <p className={usedAt === undefined ? 'first-call' : 'first-call good'} role="status">
      {usedAt === undefined ? (
        <>
          <span className="pulse" aria-hidden="true" />
          {t.waiting}
        </>
      ) : (
        <>
          <Icon name="check" />
          <span>
            {t.connected} <Time at={usedAt} />
          </span>
        </>
      )}
    </p>
  );
}

interface ConnectingProps {
  program: Program;
  made: { id: string; key: string };
  /** The vault that the agent goes on with; undefined: none. */
  vaultId: string | undefined;
}

/** Shows a new key in what the person pastes, once, and then the first call. */
export function Connecting({ program, made: { id, key }, vaultId }: ConnectingProps) {
  const { newKey } = useText();
  const t = useConnectText();
  return (
    <Dialog
      title={t.programs[program]}
      onClose={closeSheet}
      actions={
        <>
          <FirstCall id={id} />
          <Button look="primary" onClick={closeSheet}>
            {newKey.done}
          </Button>
        </>
      }
    >
      <Steps setup={setUp(program, { url: serverUrl('.'), key })} secret={key} />
      {vaultId !== undefined && (
        <>
          <p>{t.tell}</p>
          <Command>{t.prompt(vaultId)}</Command>
        </>
      )}
    </Dialog>
  );
}
