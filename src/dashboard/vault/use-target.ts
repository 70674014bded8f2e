import { type RefObject, useEffect, useRef } from 'react';
import { readParameter } from '../address.ts';
import { useText } from '../i18n/index.ts';
import type { FeedHandle } from '../ui/feed.tsx';
import { announce } from '../ui/toast.tsx';
import { openHistory } from './history-sheet.tsx';
import type { View } from './rows.ts';

/** The target of the address. */
export interface Target {
  entryNo: number;
  version: number | undefined;
}

/** Brings what the address leads to into the window, once. A version that is not the newest opens the history. */
export function useTarget(target: Target | undefined, view: View, feed: RefObject<FeedHandle | null>): void {
  const { vault: t } = useText();
  const done = useRef('');
  useEffect(() => {
    if (!target) return;
    const { entryNo, version } = target;
    const label = version === undefined ? `e${entryNo}` : `e${entryNo} v${version}`;
    const row = view.entries.find((entry) => entry.entry_no === entryNo);
    // It may be among those that are still on their way.
    if (done.current === label || (!row && view.next !== null)) return;
    const isFirst = done.current === '';
    done.current = label;
    if (!row || (version !== undefined && version > row.version)) return announce(t.noSuchEntry(label));
    // After a reload the person is where they had scrolled to.
    if (!isFirst || readParameter('at') === '') feed.current?.show(String(entryNo));
    if (version !== undefined && version < row.version && readParameter('sheet') === '') {
      openHistory(entryNo, { version, replace: true });
    }
  });
}
