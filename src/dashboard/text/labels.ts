/** How people name a version of an entry: `e3 v2`. */
export const labelOf = ({ entry_no, version }: { entry_no: number; version: number }): string =>
  `e${entry_no} v${version}`;

/** A colour for a writer, the same wherever it is shown. @returns degrees on the colour wheel */
export function hueOf(name: string): number {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 65_521;
  return (hash * 137) % 360;
}
