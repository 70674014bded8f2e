import { lazy, Suspense } from 'react';
import { openSheet, setParameter, useParameter } from '../address.ts';
import { useSession } from '../api/session.tsx';
import { useTitle } from '../frame/title.ts';
import { useText } from '../i18n/index.ts';
import { nameOf } from '../ui/author.tsx';
import { Button, IconButton } from '../ui/button.tsx';
import { moveFocus } from '../ui/move-focus.ts';
import { Foreign } from '../ui/names.tsx';
import { ProblemText } from '../ui/problem.tsx';
import { focusSearch, SearchBox, useSettled } from '../ui/search-box.tsx';
import { useShortcuts } from '../ui/shortcuts.ts';
import { NewVault } from './new-vault.tsx';
import { NothingFound } from './nothing-found.tsx';
import { type ListedVault, type ListFilter, useVaults } from './queries.ts';
import { RowList } from './row-list.tsx';
import { isSearchable } from './searchable.ts';
import { VaultRow } from './vault-row.tsx';

const Hits = lazy(() => import('./hits.tsx'));
const NoVaults = lazy(() => import('./no-vaults.tsx'));

function VaultList({ vaults }: { vaults: ListedVault[] }) {
  const { vaults: t } = useText();
  return (
    <RowList
      label={t.title}
      items={vaults}
      keyOf={({ vault_id }) => vault_id}
      render={(vault) => <VaultRow vault={vault} />}
    />
  );
}

function Vaults({ filter }: { filter: ListFilter }) {
  const { data, error, failureReason } = useVaults(filter);
  const problem = error ?? failureReason;
  if (data && data.length > 0) return <VaultList vaults={data} />;
  if (data && (filter.q || filter.author)) return <NothingFound {...filter} />;
  if (data)
    return (
      <Suspense fallback={null}>
        <NoVaults />
      </Suspense>
    );
  return (
    <>
      <ProblemText error={problem} />
      <div className="vault-skeleton" aria-busy="true" />
    </>
  );
}

/** The vaults, or what a search finds in them. Operators search no texts, and find vaults. */
function Results({ filter }: { filter: ListFilter }) {
  const { isOperator } = useSession();
  if (isOperator || !isSearchable(filter.q)) return <Vaults filter={filter} />;
  return (
    <Suspense fallback={<div className="vault-skeleton" aria-busy="true" />}>
      <Hits {...filter} />
    </Suspense>
  );
}

/** Every vault that the person may read, the one that changed last first. */
export function VaultsPage() {
  const t = useText();
  const { readOnly } = useSession();
  const query = useParameter('q');
  const author = useParameter('author');
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
      {author && (
        <p className="written-by">
          <Foreign>{t.vaults.writtenBy(nameOf(author, t.author))}</Foreign>
          <IconButton icon="close" label={t.vaults.clearSearch} onClick={() => setParameter('author', '')} />
        </p>
      )}
      <Results filter={{ q: settled, author }} />
      {creating && <NewVault />}
    </>
  );
}
