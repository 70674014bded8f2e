import { type ReactNode, useId, useState } from 'react';
import { useDifference } from '../compute/use-difference.ts';
import { useText } from '../i18n/index.ts';
import { labelOf } from '../text/labels.ts';
import { Author } from '../ui/author.tsx';
import { Button } from '../ui/button.tsx';
import { copyText } from '../ui/copy.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Difference } from '../ui/difference.tsx';
import { Writer } from '../ui/names.tsx';
import { ProblemText } from '../ui/problem.tsx';
import { Time, useExactTime } from '../ui/time.tsx';
import { useEntryHistory } from './queries.ts';
import type { Row } from './rows.ts';
import type { ShownHistory } from './shown-history.ts';

/** Number of the entry; 0 is the summary. */
const titleOf = (versions: Row[], t: ReturnType<typeof useText>['history'], entryNo: number) =>
  entryNo === 0 || versions[0]?.kind === 'summary' ? t.summaryTitle : t.title(`e${entryNo}`);

const nameOf = (row: Row) => (row.kind === 'summary' ? `v${row.version}` : labelOf(row));

/** Versions that are listed at first, and with each press of the button below them. */
const LISTED = 200;

interface VersionListProps {
  versions: Row[];
  chosen: Row;
  onChoose: (row: Row) => void;
  /** Below the versions. */
  children: ReactNode;
}

function VersionList({ versions, chosen, onChoose, children }: VersionListProps) {
  const { history: t } = useText();
  return (
    <div className="versions">
      <ul aria-label={t.to}>
        {versions.toReversed().map((row) => (
          <li key={row.seq}>
            <button
              type="button"
              className="version-item"
              aria-current={row === chosen}
              onClick={() => onChoose(row)}
            >
              <span className="version-line">
                <span className="label">{nameOf(row)}</span>
                <Time at={row.created_at} />
              </span>
              <span className="proven-writer">
                <Writer name={row.writer_id} />
                <Author author={row.author} />
              </span>
            </button>
          </li>
        ))}
      </ul>
      {children}
    </div>
  );
}

interface CompareWithProps {
  versions: Row[];
  chosen: Row;
  value: Row | undefined;
  onChange: (row: Row | undefined) => void;
}

/** Chooses what the chosen version is compared with: any other, or nothing, which shows all of it as new. */
function CompareWith({ versions, chosen, value, onChange }: CompareWithProps) {
  const { history: t } = useText();
  const exact = useExactTime();
  const id = useId();
  return (
    <div className="compare">
      <label htmlFor={id}>{t.from}</label>
      <select
        id={id}
        className="input select"
        value={value?.version ?? 0}
        onChange={(event) => onChange(versions.find(({ version }) => version === Number(event.target.value)))}
      >
        <option value={0}>{t.nothing}</option>
        {versions
          .filter((row) => row !== chosen)
          .map((row) => (
            <option key={row.seq} value={row.version}>
              {t.version(nameOf(row), exact(row.created_at), row.writer_id)}
            </option>
          ))}
      </select>
    </div>
  );
}

function Versions({ versions, start }: { versions: Row[]; start: Row }) {
  const t = useText();
  const [chosen, setChosen] = useState(start);
  const before = (row: Row) => versions.findLast(({ version }) => version < row.version);
  const [from, setFrom] = useState(before(start));
  // Shows only the newest versions until the reader requests more.
  const [shown, setShown] = useState(Math.max(LISTED, versions.length - versions.indexOf(start)));
  const listed = versions.slice(-shown);
  const difference = useDifference(from?.content ?? '', chosen.content);
  const choose = (row: Row) => {
    setChosen(row);
    setFrom(before(row));
  };
  return (
    <div className="history">
      <VersionList versions={listed} chosen={chosen} onChoose={choose}>
        {versions.length > shown && (
          <Button onClick={() => setShown(shown + LISTED)}>{t.vaults.more(versions.length - shown)}</Button>
        )}
      </VersionList>
      <section className="history-view" aria-label={t.history.difference}>
        <div className="history-head">
          <CompareWith versions={listed} chosen={chosen} value={from} onChange={setFrom} />
          <Button look="quiet" icon="copy" onClick={() => void copyText(chosen.content, t)}>
            {t.history.copy}
          </Button>
        </div>
        {difference?.by === 'lines' && <p className="faint">{t.history.byLines}</p>}
        {difference?.by === 'nothing' && from && <p className="faint">{t.history.whole}</p>}
        {difference?.changes.every(({ kind }) => kind === 'same') && (
          <p className="faint">{t.history.noDifference}</p>
        )}
        <Difference found={difference} after={chosen.content} />
      </section>
    </div>
  );
}

interface HistoryDialogProps extends ShownHistory {
  vaultId: string;
  /** The proof's verdict of the page, repeated here because the page behind a dialog is inert. */
  alarm: ReactNode;
  onClose: () => void;
}

/** Every version of an entry, or of the summary, and what changed between any two. */
export function HistoryDialog({ vaultId, entryNo, version, alarm, onClose }: HistoryDialogProps) {
  const t = useText();
  const { data, error, failureReason } = useEntryHistory(vaultId, entryNo);
  const problem = error ?? failureReason;
  const complete = data?.next === null;
  const versions = data?.entries.filter((row) => row.entry_no === entryNo) ?? [];
  const start = versions.find((row) => row.version === version) ?? versions.at(-1);
  return (
    <Dialog title={titleOf(versions, t.history, entryNo)} onClose={onClose} wide>
      {alarm}
      {complete && start && <Versions versions={versions} start={start} />}
      {!complete && !problem && <p className="faint">{t.loading}</p>}
      {!complete && <ProblemText error={problem} />}
    </Dialog>
  );
}
