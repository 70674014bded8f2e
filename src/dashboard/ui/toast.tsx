import { useSyncExternalStore } from 'react';
import { useText } from '../i18n/index.ts';
import { Button, IconButton } from './button.tsx';
import { loadDraft, saveDraft } from './draft.ts';

/** How long a message stays. */
const SHOWN_MS = 2500;
/** How long something can be undone. */
const UNDO_MS = 60_000;
/** Offers that are kept; the newest is shown first. */
const MAX_OFFERS = 50;

interface Offer {
  text: string;
  undo: () => void;
}

interface Shown {
  message: string;
  /** Stay when another message or offer comes. */
  offers: readonly Offer[];
}

let shown: Shown = { message: '', offers: [] };
let messageTimer: ReturnType<typeof setTimeout> | undefined;
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

const withdraw = (offer: Offer): void => set({ offers: shown.offers.filter((other) => other !== offer) });

/** Says that something was taken away, and gives it back to a person who asks. */
export function offerUndo(text: string, undo: () => void): void {
  const offer = { text, undo };
  set({ offers: [...shown.offers, offer].slice(-MAX_OFFERS) });
  setTimeout(() => withdraw(offer), UNDO_MS);
}

/** Forgets what could be undone. */
export const withdrawOffers = (): void => set({ offers: [] });

/** Offers to bring back a draft that was discarded. A draft that was typed there meanwhile is offered in turn. */
export function offerDraft(text: string, place: string, draft: unknown): void {
  offerUndo(text, () => {
    const meanwhile = loadDraft(place);
    saveDraft(place, draft);
    if (meanwhile !== undefined) offerDraft(text, place, meanwhile);
  });
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function OfferToast({ offer }: { offer: Offer }) {
  const t = useText();
  const undo = () => {
    withdraw(offer);
    offer.undo();
  };
  return (
    <div className="toast offer">
      <span role="status">{offer.text}</span>
      <Button look="quiet" onClick={undo}>
        {t.undo}
      </Button>
      <IconButton icon="close" label={t.close} onClick={() => withdraw(offer)} />
    </div>
  );
}

/** Where announcements appear; once a page. */
export function Toast() {
  const { message, offers } = useSyncExternalStore(subscribe, () => shown);
  const offer = offers.at(-1);
  return (
    <div className="toast-place">
      {offer && <OfferToast offer={offer} />}
      <div role="status" aria-live="polite">
        {message && <span className="toast">{message}</span>}
      </div>
    </div>
  );
}
