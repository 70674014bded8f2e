import { codeOf } from '../api/client.ts';
import { NotFound } from '../frame/not-found.tsx';
import { useTitle } from '../frame/title.ts';
import { useText } from '../i18n/index.ts';
import { Proof } from '../proof/proof.tsx';
import '../styles/vault.css';
import { EntriesView } from './entries-view.tsx';
import { useCurrent, useMeta } from './queries.ts';
import { TimelineView } from './timeline-view.tsx';
import { type Tab, VaultHead } from './vault-head.tsx';

interface VaultPageProps {
  vaultId: string;
  /** `timeline`, `proof`, `e3`, or nothing. */
  view?: string | undefined;
  /** `v2`, or nothing. */
  version?: string | undefined;
}

function readTarget(view: string | undefined, version: string | undefined) {
  const [, entryNo] = /^e(\d{1,10})$/.exec(view ?? '') ?? [];
  const [, versionNo] = /^v(\d{1,10})$/.exec(version ?? '') ?? [];
  if (entryNo === undefined) return undefined;
  return { entryNo: Number(entryNo), version: versionNo === undefined ? undefined : Number(versionNo) };
}

/** One vault. */
export default function VaultPage({ vaultId, view, version }: VaultPageProps) {
  const t = useText();
  const { data, error } = useCurrent(vaultId);
  const { data: meta } = useMeta(vaultId);
  useTitle(meta?.summary || vaultId);
  const target = readTarget(view, version);
  const tab: Tab = view === 'timeline' || view === 'proof' ? view : 'entries';
  if (view !== undefined && tab === 'entries' && !target) return <NotFound />;
  if (error && !data) {
    const refused = ['NOT_FOUND', 'FORBIDDEN'].includes(codeOf(error) ?? '');
    return (
      <div className="notice">
        <h1>{refused ? t.vault.notFound : t.unknownError}</h1>
        <p>{error.message}</p>
      </div>
    );
  }
  return (
    <>
      <VaultHead vaultId={vaultId} tab={tab} />
      {data && tab === 'entries' && <EntriesView vaultId={vaultId} view={data} target={target} />}
      {data && tab === 'timeline' && <TimelineView vaultId={vaultId} />}
      {data && tab === 'proof' && <Proof vaultId={vaultId} />}
      {!data && <div className="vault-skeleton" aria-busy="true" />}
    </>
  );
}
