import { useState } from 'react';
import { serverUrl } from '../api/client.ts';
import { useSession } from '../api/session.tsx';
import { useTitle } from '../frame/title.ts';
import { useText } from '../i18n/index.ts';
import { Button } from '../ui/button.tsx';
import { Command } from '../ui/command.tsx';
import { Icon } from '../ui/icons.tsx';
import { moveFocus } from '../ui/move-focus.ts';
import { focusSearch, SearchBox, useSettled } from '../ui/search-box.tsx';
import { useShortcuts } from '../ui/shortcuts.ts';
import { NewVault } from './new-vault.tsx';
import { useVaults } from './queries.ts';
import { type ListedVault, VaultRow } from './vault-row.tsx';

/** Rows at first, and with each press of the button below them. */
const PAGE_SIZE = 200;

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
  const t = useText();
  const [shown, setShown] = useState(PAGE_SIZE);
  return (
    <>
      <ul className="card vault-list">
        {vaults.slice(0, shown).map((vault) => (
          <li key={vault.vault_id}>
            <VaultRow vault={vault} />
          </li>
        ))}
      </ul>
      {vaults.length > shown && (
        <Button onClick={() => setShown(shown + PAGE_SIZE)}>{t.vaults.more(vaults.length - shown)}</Button>
      )}
    </>
  );
}

function Results({ query, onClear }: { query: string; onClear: () => void }) {
  const t = useText();
  const { data, error } = useVaults(query);
  if (data && data.length > 0) return <VaultList vaults={data} />;
  if (data && query) {
    return (
      <div className="card empty">
        <p>{t.vaults.nothingFound(query)}</p>
        <Button onClick={onClear}>{t.vaults.clearSearch}</Button>
      </div>
    );
  }
  if (data) return <NoVaults />;
  return error ? (
    <p className="problem">{error.message}</p>
  ) : (
    <div className="vault-skeleton" aria-busy="true" />
  );
}

/** Every vault that the person may read, the one that changed last first. */
export function VaultsPage() {
  const t = useText();
  const { readOnly } = useSession();
  const [creating, setCreating] = useState(false);
  const [query, setQuery] = useState('');
  const settled = useSettled(query.trim());
  useTitle(t.vaults.title);
  const create = readOnly ? undefined : () => setCreating(true);
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
      <SearchBox label={t.vaults.search} value={query} onChange={setQuery} />
      <Results query={settled} onClear={() => setQuery('')} />
      {creating && <NewVault onClose={() => setCreating(false)} />}
    </>
  );
}
