import { problemOf } from '../api/problem.ts';
import { useSession } from '../api/session.tsx';
import { NotFound } from '../frame/not-found.tsx';
import { useTitle } from '../frame/title.ts';
import { useText } from '../i18n/index.ts';
import { useMarkRead } from '../now/visits.ts';
import { ChainAlarm } from '../proof/chain-alarm.tsx';
import { Proof } from '../proof/proof.tsx';
import { useVerdict } from '../proof/use-verdict.ts';
import '../styles/vault.css';
import '../styles/forced-vault.css';
import '../styles/print.css';
import { WriterColours } from '../ui/names.tsx';
import { ProblemText } from '../ui/problem.tsx';
import { EntriesView } from './entries-view.tsx';
import { HistorySheet } from './history-sheet.tsx';
import { useCurrent, useMeta, useOwn } from './queries.ts';
import { TimelineView } from './timeline-view.tsx';
import type { Target } from './use-target.ts';
import { type Tab, VaultHead } from './vault-head.tsx';

interface VaultPageProps {
  vaultId: string;
  /** `timeline`, `proof`, `e3`, or nothing. */
  view?: string | undefined;
  /** `v2`, or nothing. */
  version?: string | undefined;
}

function readTarget(view: string | undefined, version: string | undefined): Target | undefined {
  const [, entryNo] = /^e(\d{1,10})$/.exec(view ?? '') ?? [];
  const [, versionNo] = /^v(\d{1,10})$/.exec(version ?? '') ?? [];
  if (entryNo === undefined) return undefined;
  return { entryNo: Number(entryNo), version: versionNo === undefined ? undefined : Number(versionNo) };
}

/** In the place of a vault that cannot be shown, for good or until the server answers. */
function NoVault({ error }: { error: unknown }) {
  const t = useText();
  const refused = ['notFound', 'forbidden'].includes(problemOf(error));
  return (
    <div className="notice">
      <h1>{refused ? t.vault.notFound : t.vault.notLoaded}</h1>
      {!refused && <ProblemText error={error} />}
    </div>
  );
}

/** One vault. */
export default function VaultPage({ vaultId, view, version }: VaultPageProps) {
  const { data, error, failureReason } = useCurrent(vaultId);
  const { data: meta } = useMeta(vaultId);
  const own = useOwn(vaultId);
  const { isOperator } = useSession();
  // What an operator reads is kept in the audit log, like what others read from outside.
  const verdict = useVerdict(vaultId, own && !isOperator);
  useTitle(meta?.summary || vaultId);
  useMarkRead(vaultId);
  const target = readTarget(view, version);
  const tab: Tab = view === 'timeline' || view === 'proof' ? view : 'entries';
  const problem = error ?? failureReason;
  if (view !== undefined && tab === 'entries' && !target) return <NotFound />;
  if (problem && !data) return <NoVault error={problem} />;
  const alarm = verdict.misfit && <ChainAlarm misfit={verdict.misfit} />;
  return (
    <WriterColours names={meta?.writers.map(({ client_id }) => client_id) ?? []}>
      <VaultHead vaultId={vaultId} tab={tab} own={own} />
      {alarm}
      {data && tab === 'entries' && (
        <EntriesView
          vaultId={vaultId}
          view={data}
          target={target}
          writable={own ?? false}
          forged={verdict.misfit?.seq}
        />
      )}
      {data && tab === 'timeline' && <TimelineView vaultId={vaultId} forged={verdict.misfit?.seq} />}
      {data && tab === 'proof' && <Proof vaultId={vaultId} verdict={verdict} />}
      {!data && <div className="vault-skeleton" aria-busy="true" />}
      <HistorySheet vaultId={vaultId} alarm={alarm} />
    </WriterColours>
  );
}
