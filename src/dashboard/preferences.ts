import { useSyncExternalStore } from 'react';
import { browserStorage } from './ui/storage.ts';

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

const load = (): Preferences => ({ ...DEFAULTS, ...(browserStorage.get(KEY) as Partial<Preferences>) });

let current = load();
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Changes what was chosen, here and for the next visit. */
export function setPreference<Name extends keyof Preferences>(name: Name, value: Preferences[Name]): void {
  current = { ...current, [name]: value };
  browserStorage.set(KEY, current);
  for (const listener of listeners) listener();
}

/** @returns what is chosen now; the component follows changes */
export const usePreferences = (): Preferences => useSyncExternalStore(subscribe, () => current);
