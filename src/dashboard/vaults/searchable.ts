import { fold } from '../../fold.ts';

/** Whether a query has a word, or a phrase in quotes, of the two characters that the server needs in the form that it compares. */
export const isSearchable = (q: string): boolean =>
  [...q.matchAll(/"([^"]*)"?|[^\s"]+/gu)].some(
    ([word, phrase]) => (phrase?.normalize('NFC') ?? fold(word)).length >= 2,
  );
