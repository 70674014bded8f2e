import MarkdownIt from 'markdown-it';
import { showReordering } from './bidi.ts';

/** Shifts the headings of an entry below those of the page. */
const HEADINGS: Record<string, string> = { h1: 'h3', h2: 'h4', h3: 'h5', h4: 'h6', h5: 'h6', h6: 'h6' };

/** Longer addresses are no links: a reference repeats its address at each use, which would multiply a text. */
const MAX_ADDRESS_CHARACTERS = 2048;

/** Elements that a page shows of one text. */
const MAX_ELEMENTS = 5000;

/** Renders untrusted Markdown: shows HTML as text, allows only web and mail links, and fetches nothing. */
function makeMarkdown() {
  const markdown = new MarkdownIt({ html: false, linkify: true, breaks: true });
  markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false });
  markdown.validateLink = (url) =>
    url.length <= MAX_ADDRESS_CHARACTERS && /^(https?:|mailto:)/i.test(url.trim());
  // Images are not rendered, because fetching one reveals the reader to its host.
  markdown.disable('image');
  markdown.core.ruler.push('fit the page', ({ tokens }) => {
    for (const token of tokens) {
      if (token.type.startsWith('heading_')) token.tag = HEADINGS[token.tag] ?? token.tag;
      // Columns are aligned by a style, which the content security policy refuses.
      const style = token.attrGet('style');
      if (style === null) continue;
      token.attrs = (token.attrs ?? []).filter(([name]) => name !== 'style');
      token.attrJoin('class', String(style).replace('text-align:', 'align-'));
    }
  });
  return markdown;
}

const markdown = makeMarkdown();

/**
 * Formats Markdown as HTML that still has to be sanitised.
 * @returns undefined for a text that would become more elements than a page can show
 */
export function toHtml(text: string): string | undefined {
  const html = markdown.render(showReordering(text));
  return html.split('<', MAX_ELEMENTS + 1).length > MAX_ELEMENTS ? undefined : html;
}

const SIMPLE_CHARACTERS = 3000;

/** A line of so many cells: a table completes each of its rows to that width. */
const WIDE_TABLE = /^(?:[^|\n]*\|){20}/m;

/** Whether formatting a text takes milliseconds: it is short, and has nothing that Markdown multiplies. */
export const isSimple = (text: string): boolean =>
  text.length <= SIMPLE_CHARACTERS && !text.includes(']:') && !WIDE_TABLE.test(text);
