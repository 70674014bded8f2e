import { useRef } from 'react';
import { openSheet, setParameter, useParameter } from '../address.ts';
import { serverUrl } from '../api/connection.ts';
import { useSession } from '../api/session.tsx';
import { useTitle } from '../frame/title.ts';
import { useText } from '../i18n/index.ts';
import { Button } from '../ui/button.tsx';
import { Command } from '../ui/command.tsx';
import { Feed, type FeedHandle } from '../ui/feed.tsx';
import { Icon } from '../ui/icons.tsx';
import { moveFocus } from '../ui/move-focus.ts';
import { ProblemText } from '../ui/problem.tsx';
import { focusSearch, SearchBox, useSettled } from '../ui/search-box.tsx';
import { useShortcuts } from '../ui/shortcuts.ts';
import { usePosition } from '../ui/use-position.ts';
import { NewVault } from './new-vault.tsx';
import { type ListedVault, useVaults } from './queries.ts';
import { VaultRow } from './vault-row.tsx';

function NoVaults() {
  const { vaults: t } = useText();
  const { readOnly } = useSession();
  const command = `export ASTATION_RELAY_URL=${serverUrl('.').replace(/\/$/, '')}\natem vault new --summary "auth refactor"`;
  return (
    <div className="card empty">
      <span className="empty-mark">
        <Icon name="vault" size={24} />
      </span>
      <h2>{t.emptyTitle}</h2>
      {readOnly ? (
        <p>{t.emptyOperator}</p>
      ) : (
        <>
          <p>{t.emptyText}</p>
          <Command>{command}</Command>
          <p>{t.emptyOr}</p>
        </>
      )}
    </div>
  );
}

function VaultList({ vaults }: { vaults: ListedVault[] }) {
  const { vaults: t } = useText();
  const feed = useRef<FeedHandle>(null);
  usePosition(feed);
  return (
    <div className="card vault-list">
      <Feed
        ref={feed}
        role="list"
        label={t.title}
        items={vaults}
        keyOf={({ vault_id }) => vault_id}
        render={(vault) => <VaultRow vault={vault} />}
      />
    </div>
  );
}

function Results({ query }: { query: string }) {
  const t = useText();
  const { data, error, failureReason } = useVaults(query);
  const problem = error ?? failureReason;
  if (data && data.length > 0) return <VaultList vaults={data} />;
  if (data && query) {
    return (
      <div className="card empty">
        <p>{t.vaults.nothingFound(query)}</p>
        <Button onClick={() => setParameter('q', '')}>{t.vaults.clearSearch}</Button>
      </div>
    );
  }
  if (data) return <NoVaults />;
  return (
    <>
      <ProblemText error={problem} />
      <div className="vault-skeleton" aria-busy="true" />
    </>
  );
}

/** Every vault that the person may read, the one that changed last first. */
export function VaultsPage() {
  const t = useText();
  const { readOnly } = useSession();
  const query = useParameter('q');
  const creating = useParameter('sheet') === 'new' && !readOnly;
  const settled = useSettled(query.trim());
  useTitle(t.vaults.title);
  const create = readOnly ? undefined : () => openSheet('new');
  useShortcuts({
    '/': focusSearch,
    j: () => moveFocus('.vault-row', 1),
    k: () => moveFocus('.vault-row', -1),
    n: create,
  });
  return (
    <>
      <div className="page-head">
        <h1>{t.vaults.title}</h1>
        {create && (
          <Button look="primary" icon="plus" onClick={create}>
            {t.vaults.create}
          </Button>
        )}
      </div>
      <SearchBox label={t.vaults.search} value={query} onChange={(text) => setParameter('q', text)} />
      <Results query={settled} />
      {creating && <NewVault />}
    </>
  );
}
