import { readingEnd, readingLine } from './window-edges.ts';

/** Whether part of an element is inside the viewport. */
function isVisible(element: Element): boolean {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > readingLine() + 1 && top < readingEnd() - 1;
}

/** Brings an element between the edges of the window: a high one by its beginning, another with the shortest way. */
function reveal(element: Element): void {
  const { top, bottom } = element.getBoundingClientRect();
  const above = top - readingLine();
  const below = bottom - readingEnd();
  if (above < 0 || below > above) window.scrollBy(0, above);
  else if (below > 0) window.scrollBy(0, below);
}

/**
 * Moves the focus among the elements of a list. It starts where the person looks: after scrolling with the mouse at the
 * first or last element that is seen.
 * @param step 1 down, -1 up
 */
export function moveFocus(selector: string, step: 1 | -1): void {
  const all = [...document.querySelectorAll<HTMLElement>(selector)];
  const at = all.findIndex((element) => element.contains(document.activeElement));
  const focused = all[at];
  const next =
    focused && isVisible(focused)
      ? all[Math.min(Math.max(at + step, 0), all.length - 1)]
      : step === 1
        ? all.find(isVisible)
        : all.findLast(isVisible);
  if (!next) return;
  next.focus({ preventScroll: true });
  reveal(next);
}
