import { useEffect, useRef } from 'react';
import { usePreferences } from '../preferences.ts';

type Actions = Record<string, (() => void) | undefined>;

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.closest('input, textarea, select, [contenteditable=true]') !== null;

const isCovered = (): boolean => document.querySelector('[role=dialog], [role=menu]') !== null;

/**
 * Single keys that do something while the component is there: not while a person types, and not below a dialog.
 * @param actions by `KeyboardEvent.key`
 */
export function useShortcuts(actions: Actions): void {
  const { singleKeys } = usePreferences();
  const latest = useRef(actions);
  useEffect(() => {
    latest.current = actions;
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const action = latest.current[event.key];
      if (!action || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      if (event.key !== '?' && !singleKeys) return;
      if (isTyping(event.target) || isCovered()) return;
      event.preventDefault();
      action();
    };
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, [singleKeys]);
}
