import { readingEnd, readingLine } from './window-edges.ts';

/** The scroll target: an item by key, or the last item. */
type Goal = { key: string; offset: number } | 'end';

/** The items as they are now. */
interface Items {
  indexOf: (key: string) => number;
  count: number;
  complete: boolean;
  find: (index: number) => HTMLElement | undefined;
  bringNear: (index: number) => void;
}

/** Frames in which the goal has to stand still, as items above it are measured. */
const STEADY_FRAMES = 4;
const MAX_FRAMES = 300;
/** How long an item is waited for when all items are there. */
const PATIENCE_MS = 2000;

/** Input events of manual scrolling, which ends the pursuit. */
const OWN_SCROLLING = ['wheel', 'touchstart', 'pointerdown', 'keydown'] as const;

/** Leads the window to an item whose place is not known yet: it may be still to come, and items above it unmeasured. */
export class Pursuit {
  #goal: Goal | undefined;
  #items: Items | undefined;
  #frame: number | undefined;
  #patience: ReturnType<typeof setTimeout> | undefined;
  #frames = 0;
  #steady = 0;

  get isUnderWay(): boolean {
    return this.#goal !== undefined;
  }

  /** Scrolls until the item is at its position or the person scrolls. */
  start(goal: Goal): void {
    this.stop();
    this.#goal = goal;
    this.#frames = 0;
    for (const type of OWN_SCROLLING) window.addEventListener(type, this.stop, { passive: true });
    this.#schedule();
  }

  /** Goes on with the items as they are now. */
  goOn(items: Items): void {
    this.#items = items;
    if (this.#goal !== undefined) this.#schedule();
  }

  readonly stop = (): void => {
    for (const type of OWN_SCROLLING) window.removeEventListener(type, this.stop);
    this.#goal = undefined;
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
    this.#frame = undefined;
    clearTimeout(this.#patience);
    this.#patience = undefined;
  };

  #schedule(): void {
    this.#steady = 0;
    this.#frame ??= requestAnimationFrame(this.#step);
  }

  readonly #step = (): void => {
    this.#frame = undefined;
    if (this.#goal === undefined || !this.#items) return;
    const { indexOf, count, complete } = this.#items;
    const index = this.#goal === 'end' ? count - 1 : indexOf(this.#goal.key);
    if (index === -1) {
      // It is looked for again when there are more items, which may take a moment where all seem to be there.
      if (complete) this.#patience ??= setTimeout(this.stop, PATIENCE_MS);
      return;
    }
    this.#steady = this.#approach(index, this.#goal) ? this.#steady + 1 : 0;
    const hopeless = this.#frames++ > MAX_FRAMES;
    if (this.#steady < STEADY_FRAMES && !hopeless) this.#frame = requestAnimationFrame(this.#step);
    else if (this.#goal !== 'end' || complete || hopeless) this.stop();
  };

  /** @returns whether the item is at its position */
  #approach(index: number, goal: Goal): boolean {
    const element = this.#items?.find(index);
    if (!element) {
      this.#items?.bringNear(index);
      return false;
    }
    const { top, bottom } = element.getBoundingClientRect();
    const above = top - readingLine() + (goal === 'end' ? 0 : goal.offset);
    // The end of the last item, unless it is higher than the window.
    const distance = goal === 'end' ? Math.min(above, bottom - readingEnd()) : above;
    const before = window.scrollY;
    window.scrollBy(0, distance);
    return Math.abs(window.scrollY - before) <= 1;
  }
}
