import { type RefObject, useLayoutEffect } from 'react';

/**
 * Tells the styles how high an element is that covers an edge of the window, as the custom property of this name: what
 * scrolls into the window stops beside it.
 */
export function useCover(
  element: RefObject<HTMLElement | null>,
  name: '--cover-top' | '--cover-bottom',
): void {
  useLayoutEffect(() => {
    const covering = element.current;
    if (!covering) return;
    const { style } = document.documentElement;
    const measure = () => style.setProperty(name, `${covering.offsetHeight}px`);
    const observer = new ResizeObserver(measure);
    observer.observe(covering);
    measure();
    return () => {
      observer.disconnect();
      style.removeProperty(name);
    };
  }, [element, name]);
}
