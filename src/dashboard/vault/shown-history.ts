import { useParameter } from '../address.ts';

/** Numbers of entries and versions end here. */
const MAX_NUMBER = 2_147_483_647;

/** Which history the address asks for. */
export interface ShownHistory {
  /** 0: the summary. */
  entryNo: number;
  /** The version to begin with; undefined: the newest. */
  version: number | undefined;
}

/** The history that stands open above a page of the vault; undefined: none. */
export function useShownHistory(): ShownHistory | undefined {
  const [, entryNo, version] = /^history-(\d{1,10})(?:-(\d{1,10}))?$/.exec(useParameter('sheet')) ?? [];
  if (entryNo === undefined || Number(entryNo) > MAX_NUMBER) return undefined;
  return { entryNo: Number(entryNo), version: version === undefined ? undefined : Number(version) };
}
