/** Case folding for search. `search_fold` in PostgreSQL must give the same results. The dashboard uses this module too. */

const isAscii = (text: string): boolean => !/[^\0-\x7f]/.test(text);

/** Lower, upper, then lower case: ẞ → ß → SS → ss. */
const foldCase = (text: string): string => text.toLowerCase().toUpperCase().toLowerCase();

/**
 * Folds a text as Unicode's full case folding does, in any language: `ß`, `ẞ` and `SS` become `ss`, and both small forms
 * of the Greek s become one. The dotless `ı` stays, because only its capital is that of `i`. Canonically equivalent texts
 * become the same text, in NFC.
 * @returns the text that two texts have in common if they differ in nothing else
 */
export function fold(text: string): string {
  if (isAscii(text)) return text.toLowerCase();
  const folded = text.normalize('NFC').split('ı').map(foldCase).join('ı');
  return folded.replaceAll('ς', 'σ').normalize('NFC');
}
