import { useState } from 'react';
import { openSheet, useParameter } from '../address.ts';
import { useSession } from '../api/session.tsx';
import { NotFound } from '../frame/not-found.tsx';
import { useTitle } from '../frame/title.ts';
import { useText } from '../i18n/index.ts';
import '../styles/access.css';
import { Button } from '../ui/button.tsx';
import { Command } from '../ui/command.tsx';
import { Foreign } from '../ui/names.tsx';
import { AccessRow } from './access-row.tsx';
import { AccessSection } from './access-section.tsx';
import { NewKey } from './new-key.tsx';
import { type Key, type Session, type Target, useKeys, usePeople, useSessions } from './queries.ts';
import { RevokeDialog } from './revoke-dialog.tsx';

/** Begins the revocation of a credential. */
type OnRevoke = (target: Target) => void;

/** The work session of a credential, for operators, who see several. */
function WorkSession({ id }: { id: string | null }) {
  const { isOperator } = useSession();
  return isOperator && id !== null ? <Foreign>{id}</Foreign> : null;
}

function People({ onRevoke }: { onRevoke: OnRevoke }) {
  const { access: t } = useText();
  const { me } = useSession();
  const render = ({ fingerprint, person_id, name, role, ...row }: Session) => {
    const id = person_id ?? '';
    const shown = name ?? t.unnamed(id);
    const own = id === me?.person_id;
    return (
      <AccessRow
        key={fingerprint}
        name={shown}
        badges={
          <>
            {own && <span className="badge">{t.you}</span>}
            {role === 'operator' && <span className="badge">{t.operator}</span>}
          </>
        }
        usedAt={row.last_used_at}
        expiresAt={row.expires_at}
        author={`person:${id}`}
        onRevoke={() => onRevoke({ kind: 'session', id: fingerprint, name: shown, own })}
      >
        <span className="mono">{fingerprint}</span>
        <WorkSession id={row.work_session_id} />
      </AccessRow>
    );
  };
  return <AccessSection title={t.people} query={usePeople()} render={render} />;
}

function Keys({ onRevoke }: { onRevoke: OnRevoke }) {
  const text = useText();
  const t = text.access;
  const render = ({ id, name, client_id, scopes, vaults, ...row }: Key) => (
    <AccessRow
      key={id}
      name={name}
      badges={scopes.map((scope) => (
        <span key={scope} className="badge">
          {scope}
        </span>
      ))}
      usedAt={row.last_used_at}
      expiresAt={row.expires_at}
      author={`key:${id}`}
      onRevoke={() => onRevoke({ kind: 'key', id, name, own: false })}
    >
      <span className="mono">{id}</span>
      <Foreign>{t.clientId(client_id)}</Foreign>
      {vaults && <span>{t.limited(vaults.length)}</span>}
      <WorkSession id={row.work_session_id} />
    </AccessRow>
  );
  return (
    <AccessSection
      title={t.keys}
      text={<p className="faint">{t.keysText}</p>}
      action={
        <div className="dialog-actions">
          <Button icon="link" onClick={() => openSheet('connect')}>
            {text.connect}
          </Button>
          <Button icon="plus" onClick={() => openSheet('new-key')}>
            {text.newKey.title}
          </Button>
        </div>
      }
      query={useKeys()}
      render={render}
    />
  );
}

function Sessions({ onRevoke }: { onRevoke: OnRevoke }) {
  const { access: t } = useText();
  const query = useSessions();
  const render = ({ fingerprint, hostname, ...row }: Session) => {
    const name = hostname || fingerprint;
    return (
      <AccessRow
        key={fingerprint}
        name={name}
        usedAt={row.last_used_at}
        expiresAt={row.expires_at}
        author={`session:${fingerprint}`}
        onRevoke={() => onRevoke({ kind: 'session', id: fingerprint, name, own: false })}
      >
        <span className="mono">{fingerprint}</span>
        <WorkSession id={row.work_session_id} />
      </AccessRow>
    );
  };
  const [first] = query.data?.rows ?? [];
  const text = first && (
    <>
      <p className="faint">{t.sessionsText}</p>
      <Command>{`npx vault-relay audit --by ${first.fingerprint}`}</Command>
    </>
  );
  return <AccessSection title={t.sessions} text={text} query={query} render={render} />;
}

function Access() {
  const { access: t } = useText();
  const creating = useParameter('sheet') === 'new-key';
  const [target, setTarget] = useState<Target | undefined>();
  useTitle(t.title);
  return (
    <>
      <div className="page-head">
        <h1>{t.title}</h1>
      </div>
      <p className="access-lead">{t.lead}</p>
      <People onRevoke={setTarget} />
      <Keys onRevoke={setTarget} />
      <Sessions onRevoke={setTarget} />
      {target && <RevokeDialog target={target} onClose={() => setTarget(undefined)} />}
      {creating && <NewKey />}
    </>
  );
}

/** People, keys and sessions that reach the vaults, for people. */
export default function AccessPage() {
  const { me } = useSession();
  return me ? <Access /> : <NotFound />;
}
