import { useRef } from 'react';

/** A key that nobody else draws. `crypto.randomUUID` is missing on pages that do not come over HTTPS. */
function drawKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * An idempotency key for what a person is about to write: the same for a repeat of the same text, so that a write whose
 * answer was lost does not happen twice.
 * @returns `keyOf`, and `renew` for when the write is done
 */
export function useWriteKey(): { keyOf: (request: unknown) => string; renew: () => void } {
  const last = useRef<{ request: string; key: string } | undefined>(undefined);
  return {
    keyOf: (request) => {
      const text = JSON.stringify(request);
      if (last.current?.request !== text) last.current = { request: text, key: drawKey() };
      return last.current.key;
    },
    renew: () => {
      last.current = undefined;
    },
  };
}
