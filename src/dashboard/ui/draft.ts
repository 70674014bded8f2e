import { useState } from 'react';

const PREFIX = 'vault-relay.draft.';

/** @returns what is kept in this tab under a name; undefined: nothing */
export function loadDraft<T>(key: string): T | undefined {
  try {
    return (JSON.parse(sessionStorage.getItem(PREFIX + key) ?? 'null') as T | null) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keeps something in this tab under a name; undefined forgets it. */
export function saveDraft(key: string, draft: unknown): void {
  try {
    if (draft === undefined) sessionStorage.removeItem(PREFIX + key);
    else sessionStorage.setItem(PREFIX + key, JSON.stringify(draft));
  } catch {
    // A browser that keeps nothing keeps no draft either; the text stays on the page.
  }
}

/**
 * What a person has begun to write, kept in this tab: it outlives a reload, a lost connection, and scrolling away.
 * @param key names the place that is written in
 */
export function useDraft<T>(key: string): [T | undefined, (draft: T | undefined) => void] {
  const [draft, setDraft] = useState(() => loadDraft<T>(key));
  const set = (next: T | undefined) => {
    setDraft(next);
    saveDraft(key, next);
  };
  return [draft, set];
}
