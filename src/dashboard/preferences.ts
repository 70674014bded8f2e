import { SharedState, useShared } from './shared-state.ts';
import { browserStorage } from './ui/storage.ts';

/** Preferences, stored in this browser. */
export interface Preferences {
  theme: 'system' | 'light' | 'dark';
  /** Undefined: the browser's preference. */
  language: 'en' | 'zh' | undefined;
  plainText: boolean;
  singleKeys: boolean;
}

const KEY = 'vault-relay.preferences';
const DEFAULTS: Preferences = { theme: 'system', language: undefined, plainText: false, singleKeys: true };

const load = (): Preferences => ({ ...DEFAULTS, ...(browserStorage.get(KEY) as Partial<Preferences>) });

const preferences = new SharedState(load());

/** Changes what was chosen, here and for the next visit. */
export function setPreference<Name extends keyof Preferences>(name: Name, value: Preferences[Name]): void {
  preferences.set({ ...preferences.value, [name]: value });
  browserStorage.set(KEY, preferences.value);
}

/** @returns what is chosen now; the component follows changes */
export const usePreferences = (): Preferences => useShared(preferences, (chosen) => chosen);
