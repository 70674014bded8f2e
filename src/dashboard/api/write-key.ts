import { useRef } from 'react';
import { loadDraft, saveDraft } from '../ui/draft.ts';

/** A random key. Does not use `crypto.randomUUID`, because pages without HTTPS lack it. */
export function drawKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

interface Asked {
  request: string;
  key: string;
}

/**
 * An idempotency key for what a person is about to write: the same for a repeat of the same text, so that a write whose
 * answer was lost does not happen twice, also when the page was left or loaded anew before the repeat.
 * @param place names where it is written, as its draft does
 * @returns `keyOf`, and `renew` for when the write is done
 */
export function useWriteKey(place: string): { keyOf: (request: unknown) => string; renew: () => void } {
  const name = `${place}.key`;
  const last = useRef<Asked | undefined>(undefined);
  const keep = (asked: Asked | undefined) => {
    last.current = asked;
    saveDraft(name, asked);
  };
  return {
    keyOf: (request) => {
      const text = JSON.stringify(request);
      const asked = last.current ?? loadDraft<Asked>(name);
      if (asked?.request === text) return asked.key;
      const key = drawKey();
      keep({ request: text, key });
      return key;
    },
    renew: () => keep(undefined),
  };
}
