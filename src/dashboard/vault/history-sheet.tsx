import { closeSheet, openSheet, useParameter } from '../address.ts';
import { HistoryDialog } from './history-dialog.tsx';

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
export function HistorySheet({ vaultId }: { vaultId: string }) {
  const [, entryNo, version] = /^history-(\d{1,10})(?:-(\d{1,10}))?$/.exec(useParameter('sheet')) ?? [];
  if (entryNo === undefined) return null;
  return (
    <HistoryDialog
      key={entryNo}
      vaultId={vaultId}
      entryNo={Number(entryNo)}
      version={version === undefined ? undefined : Number(version)}
      onClose={closeSheet}
    />
  );
}
