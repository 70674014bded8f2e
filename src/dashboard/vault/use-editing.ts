import { useMemo, useState } from 'react';
import { useDraftPlaces } from '../ui/draft.ts';

interface Editing {
  /** Whether an entry is being edited: the person opened it, or left a draft. */
  isEdited: (entryNo: number) => boolean;
  /** Whether the person just opened it, so that it takes the focus. */
  isOpened: (entryNo: number) => boolean;
  open: (entryNo: number) => void;
  close: (entryNo: number) => void;
}

/** Returns the focus to an entry when its editor closes, unless the focus has moved elsewhere. */
function focusEntry(entryNo: number): void {
  requestAnimationFrame(() => {
    if (document.activeElement !== document.body) return;
    document.querySelector<HTMLElement>(`[data-entry="${entryNo}"]`)?.focus({ preventScroll: true });
  });
}

/** Which entries of a vault are being edited. A draft keeps its editor open, over reloads and other pages. */
export function useEditing(vaultId: string): Editing {
  const places = useDraftPlaces(`${vaultId}.e`);
  const drafts = useMemo(() => new Set(places.split(' ')), [places]);
  const [opened, setOpened] = useState<ReadonlySet<number>>(new Set());
  return {
    isEdited: (entryNo) => opened.has(entryNo) || drafts.has(String(entryNo)),
    isOpened: (entryNo) => opened.has(entryNo),
    open: (entryNo) => setOpened((before) => new Set([...before, entryNo])),
    close: (entryNo) => {
      setOpened((before) => new Set([...before].filter((one) => one !== entryNo)));
      focusEntry(entryNo);
    },
  };
}
