import { useState } from 'react';

const PREFIX = 'vault-relay.draft.';

function load<T>(key: string): T | undefined {
  try {
    return (JSON.parse(sessionStorage.getItem(PREFIX + key) ?? 'null') as T | null) ?? undefined;
  } catch {
    return undefined;
  }
}

/**
 * What a person has begun to write, kept in this tab: it outlives a reload, a lost connection, and scrolling away.
 * @param key names the place that is written in
 */
export function useDraft<T>(key: string): [T | undefined, (draft: T | undefined) => void] {
  const [draft, setDraft] = useState(() => load<T>(key));
  const set = (next: T | undefined) => {
    setDraft(next);
    try {
      if (next === undefined) sessionStorage.removeItem(PREFIX + key);
      else sessionStorage.setItem(PREFIX + key, JSON.stringify(next));
    } catch {
      // A browser that keeps nothing keeps no draft either; the text stays on the page.
    }
  };
  return [draft, set];
}
