import { useState } from 'react';
import { setUpAtem, setUpByOperator } from '../../setup/clients.ts';
import { closeSheet } from '../address.ts';
import { serverUrl } from '../api/connection.ts';
import { useSession } from '../api/session.tsx';
import { type Connectable, useConnectText } from '../i18n/connect.ts';
import { useText } from '../i18n/index.ts';
import '../styles/connect.css';
import { Button } from '../ui/button.tsx';
import { Command } from '../ui/command.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { AgentForm } from './agent-form.tsx';
import { Choices } from './choices.tsx';
import { usePlace } from './place.ts';

interface CommandsProps {
  program: Connectable;
  onChoose: (program: Connectable) => void;
  workSession: string;
}

/** Shows the operator's commands to a reader who may not create keys. */
function Commands({ program, onChoose, workSession }: CommandsProps) {
  const { connect: title, newKey } = useText();
  const t = useConnectText();
  const isAtem = program === 'atem';
  const { text } = isAtem
    ? setUpAtem({ url: serverUrl('.'), workSession })
    : setUpByOperator(program, workSession);
  const done = (
    <Button look="primary" onClick={closeSheet}>
      {newKey.done}
    </Button>
  );
  return (
    <Dialog title={title} onClose={closeSheet} actions={done}>
      <Choices chosen={program} onChange={onChoose} />
      <p>{isAtem ? t.atem : t.ask}</p>
      <Command>{text}</Command>
    </Dialog>
  );
}

/** Connects an agent: makes its key, and shows what to paste and its first call. */
export default function ConnectSheet() {
  const { workSession: words } = useText();
  const { me } = useSession();
  const place = usePlace();
  const [program, setProgram] = useState<Connectable>('claude-code');
  const { workSession = words.first } = place;
  if (program !== 'atem' && me) return <AgentForm program={program} onChoose={setProgram} place={place} />;
  return <Commands program={program} onChoose={setProgram} workSession={workSession} />;
}
