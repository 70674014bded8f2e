import { type RefObject, useEffect, useRef, useState } from 'react';
import { useSession } from '../api/session.tsx';
import { useText } from '../i18n/index.ts';
import { setPreference, usePreferences } from '../preferences.ts';
import { labelOf } from '../text/labels.ts';
import { Button } from '../ui/button.tsx';
import { copyText } from '../ui/copy.ts';
import { Feed, type FeedHandle } from '../ui/feed.tsx';
import { moveFocus } from '../ui/move-focus.ts';
import { focusSearch } from '../ui/search-box.tsx';
import { useShortcuts } from '../ui/shortcuts.ts';
import { announce } from '../ui/toast.tsx';
import { Composer, focusComposer } from './composer.tsx';
import { EntriesToolbar } from './entries-toolbar.tsx';
import { EntryActions, EntryCard } from './entry-card.tsx';
import { EntryEditor } from './entry-editor.tsx';
import { HistoryDialog } from './history-dialog.tsx';
import { NoEntries } from './no-entries.tsx';
import { useWatch } from './queries.ts';
import type { Row, View } from './rows.ts';
import { useFiltered } from './use-filtered.ts';
import { pathOf } from './vault-head.tsx';

interface EntriesViewProps {
  vaultId: string;
  view: View;
  /** What the address leads to. */
  target: { entryNo: number; version: number | undefined } | undefined;
}

/** The entry that has the focus, as `j` and `k` move it. */
function focusedEntry(entries: readonly Row[]): Row | undefined {
  const article = document.activeElement?.closest<HTMLElement>('[data-entry]');
  return article ? entries.find(({ entry_no }) => entry_no === Number(article.dataset.entry)) : undefined;
}

/** Counts what has arrived below the window, and says so. */
function useArrivals(vaultId: string, feed: RefObject<FeedHandle | null>) {
  const { vault: t } = useText();
  const [unseen, setUnseen] = useState(0);
  const [arrived, setArrived] = useState<Row>();
  useWatch(vaultId, true, (row) => {
    setArrived(row);
    if (row.kind !== 'content') return;
    if (row.version > 1) return announce(t.arrived(labelOf(row), row.writer_id));
    if (!feed.current?.showsEnd()) setUnseen((n) => n + 1);
  });
  useEffect(() => {
    const look = () => feed.current?.showsEnd() && setUnseen(0);
    window.addEventListener('scroll', look, { passive: true });
    return () => window.removeEventListener('scroll', look);
  }, [feed]);
  return { unseen, arrived, see: () => setUnseen(0) };
}

/** Brings what the address leads to into the window, once. A version that is not the newest opens the history. */
function useTarget(
  target: EntriesViewProps['target'],
  { entries, complete }: { entries: readonly Row[]; complete: boolean },
  feed: RefObject<FeedHandle | null>,
  openHistory: (history: OpenHistory) => void,
): void {
  const { vault: t } = useText();
  const done = useRef('');
  useEffect(() => {
    if (!target) return;
    const { entryNo, version } = target;
    const name = `e${entryNo} v${version}`;
    const index = entries.findIndex((row) => row.entry_no === entryNo);
    // It may be among those that are still on their way.
    if (done.current === name || (index === -1 && !complete)) return;
    done.current = name;
    const row = entries[index];
    if (!row || (version !== undefined && version > row.version)) return announce(t.noSuchEntry(name));
    feed.current?.show(index);
    if (version !== undefined && version < row.version) openHistory({ entryNo, version });
  });
}

interface OpenHistory {
  entryNo: number;
  version?: number | undefined;
}

/** The entries of a vault: read, written, followed. */
export function EntriesView({ vaultId, view, target }: EntriesViewProps) {
  const t = useText();
  const { readOnly } = useSession();
  const { plainText } = usePreferences();
  const feed = useRef<FeedHandle>(null);
  const [filter, setFilter] = useState('');
  const [editing, setEditing] = useState<number>();
  const [history, setHistory] = useState<OpenHistory>();
  const [written, setWritten] = useState<number>();
  const { unseen, arrived, see } = useArrivals(vaultId, feed);
  const { shown: entries, busy: filtering } = useFiltered(view.entries, filter);
  useTarget(target, { entries, complete: view.next === null }, feed, setHistory);

  const showNewest = () => {
    see();
    feed.current?.show(entries.length - 1);
  };
  const copyLink = (row: Row) => {
    const path = pathOf(vaultId, `e${row.entry_no}`, `v${row.version}`);
    void copyText(new URL(`#${path}`, document.baseURI.replace(/#.*/s, '')).href, t);
  };
  const withFocused = (act: (row: Row) => void) => () => {
    const row = focusedEntry(entries);
    if (row) act(row);
  };
  const edit = readOnly ? undefined : (row: Row) => setEditing(row.entry_no);
  useShortcuts({
    '/': focusSearch,
    j: () => moveFocus('.entry', 1),
    k: () => moveFocus('.entry', -1),
    g: showNewest,
    p: () => setPreference('plainText', !plainText),
    c: readOnly ? undefined : focusComposer,
    e: edit && withFocused(edit),
    h: withFocused(({ entry_no: entryNo }) => setHistory({ entryNo })),
    l: withFocused(copyLink),
  });
  // What was just written is shown as soon as it is in its place.
  useEffect(() => {
    const index = view.entries.findIndex(({ entry_no }) => entry_no === written);
    if (written === undefined || index === -1) return;
    setWritten(undefined);
    feed.current?.show(index);
  }, [written, view.entries]);

  const render = (row: Row, index: number) => (
    <EntryCard
      row={row}
      place={{ index, size: entries.length }}
      marked={row.entry_no === target?.entryNo || row.seq === arrived?.seq}
      actions={
        <EntryActions
          row={row}
          onEdit={edit && (() => edit(row))}
          onHistory={() => setHistory({ entryNo: row.entry_no })}
          onLink={() => copyLink(row)}
        />
      }
    >
      {editing === row.entry_no && (
        <EntryEditor vaultId={vaultId} row={row} onDone={() => setEditing(undefined)} />
      )}
    </EntryCard>
  );

  return (
    <>
      {view.entries.length > 0 ? (
        <EntriesToolbar entries={entries} filter={filter} onFilter={setFilter} onNewest={showNewest} />
      ) : (
        <NoEntries vaultId={vaultId} />
      )}
      {view.entries.length > 0 && entries.length === 0 && !filtering && (
        <p className="faint none">{t.vault.nothingFound}</p>
      )}
      <Feed
        ref={feed}
        items={entries}
        keyOf={(row) => row.entry_no}
        render={render}
        label={t.vault.entries}
      />
      {unseen > 0 && (
        <div className="unseen">
          <Button look="primary" onClick={showNewest}>
            {t.vault.newRows(unseen)}
          </Button>
        </div>
      )}
      {!readOnly && <Composer vaultId={vaultId} onWritten={setWritten} />}
      {history && <HistoryDialog vaultId={vaultId} {...history} onClose={() => setHistory(undefined)} />}
    </>
  );
}
