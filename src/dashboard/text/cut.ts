const MAX_CHARACTERS = 3000;
const MAX_LINES = 40;

/** Truncates a long text. Does not split surrogate pairs. @returns the beginning, and whether there is more */
export function cutText(text: string): { shown: string; more: boolean } {
  const lines = text.split('\n', MAX_LINES + 1);
  const byLines = lines.length > MAX_LINES ? lines.slice(0, MAX_LINES).join('\n') : text;
  const shown = byLines.slice(0, MAX_CHARACTERS).replace(/[\uD800-\uDBFF]$/, '');
  return { shown, more: shown.length < text.length };
}
