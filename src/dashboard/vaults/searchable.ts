/** Whether a query has a word, or a phrase in quotes, of the two characters that the server needs. */
export const isSearchable = (q: string): boolean =>
  [...q.matchAll(/"([^"]*)"?|[^\s"]+/gu)].some(([word, phrase = word]) => phrase.length >= 2);
