import { useEffect, useMemo, useRef, useState } from 'react';
import { setParameter, useParameter } from '../address.ts';
import { useText } from '../i18n/index.ts';
import { setPreference, usePreferences } from '../preferences.ts';
import { Button } from '../ui/button.tsx';
import { copyText } from '../ui/copy.ts';
import { Feed, type FeedHandle } from '../ui/feed.tsx';
import { moveFocus } from '../ui/move-focus.ts';
import { focusSearch } from '../ui/search-box.tsx';
import { useShortcuts } from '../ui/shortcuts.ts';
import { useCover } from '../ui/use-cover.ts';
import { usePosition } from '../ui/use-position.ts';
import { Composer, focusComposer } from './composer.tsx';
import { EntriesToolbar } from './entries-toolbar.tsx';
import { EntryActions, EntryCard } from './entry-card.tsx';
import { EntryEditor } from './entry-editor.tsx';
import { openHistory } from './history-sheet.tsx';
import { NoEntries } from './no-entries.tsx';
import type { Row, View } from './rows.ts';
import { useArrivals } from './use-arrivals.ts';
import { useEditing } from './use-editing.ts';
import { useFiltered } from './use-filtered.ts';
import { type Target, useTarget } from './use-target.ts';
import { pathOf } from './vault-head.tsx';

interface EntriesViewProps {
  vaultId: string;
  view: View;
  target: Target | undefined;
  /** Whether the person may write into the vault. */
  writable: boolean;
  /** `seq` of the row that does not match the vault's chain. */
  forged: number | undefined;
}

/** The entry that has the focus, as `j` and `k` move it. */
function focusedEntry(entries: readonly Row[]): Row | undefined {
  const article = document.activeElement?.closest<HTMLElement>('[data-entry]');
  return article ? entries.find(({ entry_no }) => entry_no === Number(article.dataset.entry)) : undefined;
}

/** Entries that the person wrote here since the filter was changed: it does not hide them. */
function useOwnEntries(filter: string) {
  const [own, setOwn] = useState<ReadonlySet<number>>(new Set());
  // biome-ignore lint/correctness/useExhaustiveDependencies: another filter begins without them
  useEffect(() => setOwn(new Set()), [filter]);
  return { own, add: (entryNo: number) => setOwn((before) => new Set([...before, entryNo])) };
}

/** The entries of a vault: read, written, followed. */
export function EntriesView({ vaultId, view, target, writable, forged }: EntriesViewProps) {
  const t = useText();
  const { plainText } = usePreferences();
  const feed = useRef<FeedHandle>(null);
  const bottom = useRef<HTMLDivElement>(null);
  const filter = useParameter('filter');
  const { own, add } = useOwnEntries(filter);
  const editing = useEditing(vaultId);
  const { unseen, hidden, arrived, see } = useArrivals(vaultId, feed, { filter, own });
  const pinned = useMemo(() => new Set([...own, target?.entryNo ?? 0]), [own, target?.entryNo]);
  const { shown: entries, busy } = useFiltered(view.entries, filter, pinned);
  useCover(bottom, '--cover-bottom');
  usePosition(feed);
  useTarget(target, view, feed);

  const showNewest = () => {
    if (hidden) setParameter('filter', '');
    see();
    feed.current?.showEnd();
  };
  const copyLink = (row: Row) => {
    const path = pathOf(vaultId, `e${row.entry_no}`, `v${row.version}`);
    void copyText(new URL(`#${path}`, document.baseURI.replace(/#.*/s, '')).href, t);
  };
  const withFocused = (act: (row: Row) => void) => () => {
    const row = focusedEntry(entries);
    if (row) act(row);
  };
  const edit = writable ? (row: Row) => editing.open(row.entry_no) : undefined;
  useShortcuts({
    '/': focusSearch,
    j: () => moveFocus('.entry', 1),
    k: () => moveFocus('.entry', -1),
    g: showNewest,
    p: () => setPreference('plainText', !plainText),
    c: writable ? focusComposer : undefined,
    e: edit && withFocused(edit),
    h: withFocused(({ entry_no }) => openHistory(entry_no)),
    l: withFocused(copyLink),
  });

  const render = (row: Row, index: number) => (
    <EntryCard
      row={row}
      place={{ index, size: entries.length }}
      marked={row.entry_no === target?.entryNo || row.seq === arrived?.seq}
      forged={row.seq === forged}
      actions={
        <EntryActions
          row={row}
          onEdit={edit && (() => edit(row))}
          onHistory={() => openHistory(row.entry_no)}
          onLink={() => copyLink(row)}
        />
      }
    >
      {writable && editing.isEdited(row.entry_no) && (
        <EntryEditor
          vaultId={vaultId}
          row={row}
          autoFocus={editing.isOpened(row.entry_no)}
          onDone={() => editing.close(row.entry_no)}
        />
      )}
    </EntryCard>
  );

  return (
    <>
      {view.entries.length > 0 ? (
        <EntriesToolbar entries={entries} filter={filter} onNewest={showNewest} />
      ) : (
        <NoEntries vaultId={vaultId} writable={writable} />
      )}
      {view.cut && <p className="warning">{t.vault.cut(view.entries.length)}</p>}
      {view.entries.length > 0 && entries.length === 0 && !busy && (
        <p className="faint none">{t.vault.nothingFound}</p>
      )}
      <Feed
        ref={feed}
        items={entries}
        keyOf={(row) => row.entry_no}
        render={render}
        label={t.vault.entries}
        complete={view.next === null && !busy}
      />
      <div ref={bottom} className="bottom">
        {unseen > 0 && (
          <Button look="primary" onClick={showNewest}>
            {t.vault.newRows(unseen)}
          </Button>
        )}
        {writable && (
          <Composer
            vaultId={vaultId}
            onWritten={(entryNo) => {
              add(entryNo);
              feed.current?.show(String(entryNo));
            }}
          />
        )}
      </div>
    </>
  );
}
