import { useParameter } from '../address.ts';

/** Numbers of entries and versions end here. */
const MAX_NUMBER = 2_147_483_647;

/** The history named in the address. */
export interface ShownHistory {
  /** 0: the summary. */
  entryNo: number;
  /** The version to begin with; undefined: the newest. */
  version: number | undefined;
}

/** The open history of a vault's page; undefined if there is none. */
export function useShownHistory(): ShownHistory | undefined {
  const [, entryNo, version] = /^history-(\d{1,10})(?:-(\d{1,10}))?$/.exec(useParameter('sheet')) ?? [];
  if (entryNo === undefined || Number(entryNo) > MAX_NUMBER) return undefined;
  return { entryNo: Number(entryNo), version: version === undefined ? undefined : Number(version) };
}
