/** Marks of Markdown at the beginning of a line: headings, quotes, lists, fences. */
const AT_LINE =
  /^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+][ \t]+(?:\[[ xX]\][ \t]+)?|`{3,}.*$|~{3,}.*$|\|?[ \t]*:?-{3,}[-:| \t]*$)/gm;
const EMPHASIS = /(\*\*|__|`)([^*_`\n]+)\1/g;
const LINK = /!?\[([^\]\n]*)\]\([^()\s]*\)/g;

/** The words of a Markdown text on one line, for a place where it is not formatted. */
export const plainOf = (text: string): string =>
  text.replace(AT_LINE, '').replace(LINK, '$1').replace(EMPHASIS, '$2').replace(/\s+/g, ' ').trim();
