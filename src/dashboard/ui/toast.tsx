import { useSyncExternalStore } from 'react';
import { useText } from '../i18n/index.ts';
import { Button, IconButton } from './button.tsx';

/** How long a message stays. */
const SHOWN_MS = 2500;
/** How long something can be undone. */
const UNDO_MS = 60_000;

interface Offer {
  text: string;
  undo: () => void;
}

interface Shown {
  message: string;
  /** Stays when another message comes. */
  offer: Offer | undefined;
}

let shown: Shown = { message: '', offer: undefined };
let messageTimer: ReturnType<typeof setTimeout> | undefined;
let offerTimer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();

function set(change: Partial<Shown>): void {
  shown = { ...shown, ...change };
  for (const listener of listeners) listener();
}

/** Says something in passing, to eyes and to screen readers. */
export function announce(message: string): void {
  clearTimeout(messageTimer);
  set({ message });
  messageTimer = setTimeout(() => set({ message: '' }), SHOWN_MS);
}

/** Takes back the offer to undo something. */
export function withdrawOffer(): void {
  clearTimeout(offerTimer);
  set({ offer: undefined });
}

/** Says that something was taken away, and gives it back to a person who asks. */
export function offerUndo(text: string, undo: () => void): void {
  clearTimeout(offerTimer);
  set({ offer: { text, undo } });
  offerTimer = setTimeout(withdrawOffer, UNDO_MS);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function OfferToast({ offer }: { offer: Offer }) {
  const t = useText();
  const undo = () => {
    withdrawOffer();
    offer.undo();
  };
  return (
    <div className="toast offer">
      <span role="status">{offer.text}</span>
      <Button look="quiet" onClick={undo}>
        {t.undo}
      </Button>
      <IconButton icon="close" label={t.close} onClick={withdrawOffer} />
    </div>
  );
}

/** Where announcements appear; once a page. */
export function Toast() {
  const { message, offer } = useSyncExternalStore(subscribe, () => shown);
  return (
    <div className="toast-place">
      {offer && <OfferToast offer={offer} />}
      <div role="status" aria-live="polite">
        {message && <span className="toast">{message}</span>}
      </div>
    </div>
  );
}
