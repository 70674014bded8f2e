import { formOf, type Needle } from './query.ts';

/** Matches of one needle that count. */
const COUNTED = 8;
/** What a match that is a whole word is worth, beside any other. */
const WHOLE_WORD = 2;

const LETTER = /[\p{L}\p{N}\p{M}]/u;

/** @returns how well a text fits: matches count, and more where they are whole words */
export function scoreOf(text: string, needles: readonly Needle[]): number {
  const forms = new Map<boolean, string>();
  let score = 0;
  for (const { form: needle, exact } of needles) {
    const form = forms.get(exact) ?? formOf(text, exact);
    forms.set(exact, form);
    let count = 0;
    for (
      let at = form.indexOf(needle);
      at >= 0 && count < COUNTED;
      at = form.indexOf(needle, at + needle.length)
    ) {
      const [before = '', after = ''] = [form[at - 1], form[at + needle.length]];
      score += LETTER.test(before) || LETTER.test(after) ? 1 : WHOLE_WORD;
      count++;
    }
  }
  return score;
}
