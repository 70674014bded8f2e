/** How people name a version of an entry: `e3 v2`. */
export const labelOf = ({ entry_no, version }: { entry_no: number; version: number }): string =>
  `e${entry_no} v${version}`;

/** A colour for a writer, the same wherever it is shown. @returns degrees on the colour wheel */
export function hueOf(name: string): number {
  // FNV-1a, which scatters names that differ in one letter.
  let hash = 0x811c9dc5;
  for (const character of name) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 0) % 360;
}
