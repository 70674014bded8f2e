/** How people name a version of an entry: `e3 v2`. */
export const labelOf = ({ entry_no, version }: { entry_no: number; version: number }): string =>
  `e${entry_no} v${version}`;
