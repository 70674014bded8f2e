import { useSyncExternalStore } from 'react';

/** How long a message stays. */
const SHOWN_MS = 2500;

let message = '';
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();

function set(text: string): void {
  message = text;
  for (const listener of listeners) listener();
}

/** Says something in passing, to eyes and to screen readers. */
export function announce(text: string): void {
  clearTimeout(timer);
  set(text);
  timer = setTimeout(() => set(''), SHOWN_MS);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Where announcements appear; once a page. */
export function Toast() {
  const text = useSyncExternalStore(subscribe, () => message);
  return (
    <div className="toast-place" role="status" aria-live="polite">
      {text && <span className="toast">{text}</span>}
    </div>
  );
}
