import DOMPurify from 'dompurify';
import MarkdownIt from 'markdown-it';
import { showReordering } from './bidi.ts';

/** Headings of an entry stand below those of the page. */
const HEADINGS: Record<string, string> = { h1: 'h3', h2: 'h4', h3: 'h5', h4: 'h6', h5: 'h6', h6: 'h6' };

/** Markdown of strangers: HTML in it is text, links go to the web or to a mailbox, and nothing is fetched. */
function makeMarkdown() {
  const markdown = new MarkdownIt({ html: false, linkify: true, breaks: true });
  markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false });
  markdown.validateLink = (url) => /^(https?:|mailto:)/i.test(url.trim());
  // An image would be fetched from another host, which tells its owner who reads.
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

const ALLOWED = {
  ALLOWED_TAGS: [
    ...['a', 'blockquote', 'br', 'code', 'em', 'h3', 'h4', 'h5', 'h6', 'hr', 'li', 'ol', 'p', 'pre', 's'],
    ...['strong', 'table', 'tbody', 'td', 'th', 'thead', 'tr', 'ul'],
  ],
  ALLOWED_ATTR: ['class', 'href', 'start'],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
};

/** Elements that show a text as Markdown: harmless, whatever the text is. */
export function renderMarkdown(text: string): DocumentFragment {
  const fragment = DOMPurify.sanitize(markdown.render(showReordering(text)), {
    ...ALLOWED,
    RETURN_DOM_FRAGMENT: true,
  });
  for (const link of fragment.querySelectorAll('a')) {
    link.target = '_blank';
    link.rel = 'noopener noreferrer nofollow';
  }
  // What may be wider than the page scrolls in a box of its own, which the keyboard reaches.
  for (const wide of fragment.querySelectorAll('pre')) wide.tabIndex = 0;
  for (const table of fragment.querySelectorAll('table')) {
    const box = document.createElement('div');
    box.className = 'table-box';
    box.tabIndex = 0;
    table.replaceWith(box);
    box.append(table);
  }
  return fragment;
}
