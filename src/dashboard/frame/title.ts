import { useEffect } from 'react';

/** Names the page in the tab. Reordering characters stay out of it: a tab shows them as the browser likes. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title.replace(/\p{Cf}/gu, '').slice(0, 80)} · vault-relay`;
  }, [title]);
}
