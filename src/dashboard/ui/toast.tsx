import { useText } from '../i18n/index.ts';
import { SharedState, useShared } from '../shared-state.ts';
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
  /** Takes the message away. */
  timer?: ReturnType<typeof setTimeout>;
  /** Stay when another message or offer comes. */
  offers: readonly Offer[];
}

const shown = new SharedState<Shown>({ message: '', offers: [] });

const change = (part: Partial<Shown>): void => shown.set({ ...shown.value, ...part });

/** Says something in passing, to eyes and to screen readers. */
export function announce(message: string): void {
  clearTimeout(shown.value.timer);
  change({ message, timer: setTimeout(() => change({ message: '' }), SHOWN_MS) });
}

const withdraw = (offer: Offer): void =>
  change({ offers: shown.value.offers.filter((other) => other !== offer) });

/** Shows that something was removed, with a button to undo it. */
export function offerUndo(text: string, undo: () => void): void {
  const offer = { text, undo };
  change({ offers: [...shown.value.offers, offer].slice(-MAX_OFFERS) });
  setTimeout(() => withdraw(offer), UNDO_MS);
}

/** Forgets what could be undone. */
export const withdrawOffers = (): void => change({ offers: [] });

/** Offers to bring back a draft that was discarded. A draft that was typed there meanwhile is offered in turn. */
export function offerDraft(text: string, place: string, draft: unknown): void {
  offerUndo(text, () => {
    const meanwhile = loadDraft(place);
    saveDraft(place, draft);
    if (meanwhile !== undefined) offerDraft(text, place, meanwhile);
  });
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
  const { message, offers } = useShared(shown, (all) => all);
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
