import { navigate, openSheet } from '../address.ts';
import { serverUrl } from '../api/connection.ts';
import { useSession } from '../api/session.tsx';
import { useText } from '../i18n/index.ts';
import { Button } from '../ui/button.tsx';
import { Command } from '../ui/command.tsx';
import { Icon } from '../ui/icons.tsx';
import { ProblemText } from '../ui/problem.tsx';
import { useExample } from './example.ts';

/** Makes a first vault, so that a newcomer sees what vaults are for. */
function Example() {
  const { example: t } = useText();
  const { mutate, isPending, error, failureReason } = useExample((vaultId) =>
    navigate(`/v/${encodeURIComponent(vaultId)}`),
  );
  return (
    <>
      <p>{t.text}</p>
      <Button look="primary" disabled={isPending} onClick={() => mutate()}>
        {isPending ? t.creating : t.button}
      </Button>
      <ProblemText error={error ?? failureReason} />
    </>
  );
}

/** In the place of the list while there is no vault. */
export default function NoVaults() {
  const { vaults: t, connect } = useText();
  const { readOnly, me } = useSession();
  const command = `export ASTATION_RELAY_URL=${serverUrl('.').replace(/\/$/, '')}\natem vault new --summary "auth refactor"`;
  return (
    <div className="card empty">
      <span className="empty-mark">
        <Icon name="vault" size={24} />
      </span>
      <h2>{t.emptyTitle}</h2>
      {readOnly && <p>{t.emptyOperator}</p>}
      {!readOnly && me && <Example />}
      {!readOnly && !me && (
        <>
          <p>{t.emptyText}</p>
          <Command>{command}</Command>
          <p>{t.emptyOr}</p>
        </>
      )}
      <Button icon="link" onClick={() => openSheet('connect')}>
        {connect}
      </Button>
    </div>
  );
}
