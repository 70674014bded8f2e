import type { ReactNode } from 'react';
import { closeSheet, openSheet } from '../address.ts';
import { HistoryDialog } from './history-dialog.tsx';
import { useShownHistory } from './shown-history.ts';

interface OpenOptions {
  /** The version to begin with; undefined: the newest. */
  version?: number | undefined;
  /** In the place of the address that led here, instead of a step from it. */
  replace?: boolean;
}

/** Opens the history of an entry. @param entryNo 0: the summary */
export const openHistory = (entryNo: number, { version, replace = false }: OpenOptions = {}): void =>
  openSheet(['history', entryNo, ...(version === undefined ? [] : [version])].join('-'), { replace });

/** The history that the address asks for, above whatever page of the vault. */
export function HistorySheet({ vaultId, alarm }: { vaultId: string; alarm: ReactNode }) {
  const shown = useShownHistory();
  return shown ? (
    <HistoryDialog key={shown.entryNo} vaultId={vaultId} alarm={alarm} {...shown} onClose={closeSheet} />
  ) : null;
}
