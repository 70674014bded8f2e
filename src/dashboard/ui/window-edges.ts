/** Pixels of a CSS length that the page computed; 0 for `auto`. */
const pixels = (length: string): number => Number.parseFloat(length) || 0;

const rootStyle = (): CSSStyleDeclaration => getComputedStyle(document.documentElement);

/** Where reading begins: below what covers the top of the window. In pixels from its top. */
export const readingLine = (): number => pixels(rootStyle().scrollPaddingTop);

/** Where reading ends: above what covers the bottom of the window. In pixels from its top. */
export const readingEnd = (): number => window.innerHeight - pixels(rootStyle().scrollPaddingBottom);
