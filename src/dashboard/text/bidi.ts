/** Embeddings, overrides and isolates: they reorder what stands around them, and so can make text read as what it is not. */
const REORDERING = /[\u202A-\u202E\u2066-\u2069]/g;

/** Replaces reordering characters by their names, such as `[U+202E]`. */
export const showReordering = (text: string): string =>
  text.replace(REORDERING, (character) => `[U+${character.charCodeAt(0).toString(16).toUpperCase()}]`);

const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

/** The direction of a text, by its first letter. */
export const directionOf = (text: string): 'ltr' | 'rtl' =>
  RIGHT_TO_LEFT.test(/\p{L}/u.exec(text)?.[0] ?? '') ? 'rtl' : 'ltr';
