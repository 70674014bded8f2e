import { useSyncExternalStore } from 'react';

/** What a person chose, kept in this browser for the next visit. */
export interface Preferences {
  theme: 'system' | 'light' | 'dark';
  /** Undefined: as the browser asks. */
  language: 'en' | 'zh' | undefined;
  plainText: boolean;
  singleKeys: boolean;
}

const KEY = 'vault-relay.preferences';
const DEFAULTS: Preferences = { theme: 'system', language: undefined, plainText: false, singleKeys: true };

function load(): Preferences {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Preferences>) };
  } catch {
    return DEFAULTS;
  }
}

let current = load();
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Changes what was chosen, here and for the next visit. */
export function setPreference<Name extends keyof Preferences>(name: Name, value: Preferences[Name]): void {
  current = { ...current, [name]: value };
  try {
    localStorage.setItem(KEY, JSON.stringify(current));
  } catch {
    // A browser that keeps nothing forgets the choice; the page follows it all the same.
  }
  for (const listener of listeners) listener();
}

/** @returns what is chosen now; the component follows changes */
export const usePreferences = (): Preferences => useSyncExternalStore(subscribe, () => current);
