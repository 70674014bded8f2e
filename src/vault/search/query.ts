import { fold } from '../../fold.ts';

/** A word or phrase that a text must contain. */
export interface Needle {
  /** As it was written, without quotes. */
  text: string;
  /** Its form for the comparison: folded, or in NFC for an exact phrase. */
  form: string;
  /** Whether case counts. */
  exact: boolean;
}

/** The form of a text that a needle is compared with. */
export const formOf = (text: string, exact: boolean): string => (exact ? text.normalize('NFC') : fold(text));

/** A phrase in quotes, whose second one may be missing, or a word. */
const PARTS = /"([^"]*)"?|[^\s"]+/gu;

/** @param q words between white space, and phrases between quotes @returns each of them once */
export function parseQuery(q: string): Needle[] {
  const needles = new Map<string, Needle>();
  for (const [part, phrase] of q.matchAll(PARTS)) {
    const exact = phrase !== undefined;
    const text = phrase ?? part;
    const form = formOf(text, exact);
    if (form !== '') needles.set(`${exact}${form}`, { text, form, exact });
  }
  return [...needles.values()];
}

/** Shorter words are looked for only in what something else has found. */
const MIN_CHARACTERS = 2;

export const isLongEnough = ({ form }: Needle): boolean => form.length >= MIN_CHARACTERS;

/** @returns whether a text has every needle */
export function hasAll(text: string, needles: readonly Needle[]): boolean {
  if (needles.length === 0) return true;
  const folded = fold(text);
  const composed = needles.some(({ exact }) => exact) ? formOf(text, true) : '';
  return needles.every(({ form, exact }) =>
    exact ? composed.includes(form) && folded.includes(fold(form)) : folded.includes(form),
  );
}
