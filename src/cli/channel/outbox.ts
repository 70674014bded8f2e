import { EventEmitter, once, setMaxListeners } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import type { VaultEntry } from '../../vault/schema.ts';
import { type ChannelEvent, News } from './news.ts';

/** Vaults with news at a time. Further vaults wait. */
const MAX_VAULTS = 10;

/** In ms. */
export interface Pauses {
  /** Before notifications, to collect the rows that an agent writes together. */
  collect: number;
  /** After notifications. It doubles while rows keep arriving, so that a flood costs an agent little. */
  first: number;
  longest: number;
}

type Notify = (event: ChannelEvent) => Promise<void>;

const PAUSES: Pauses = { collect: 250, first: 2000, longest: 30_000 };

/** Turns rows into few notifications: one for each vault, and then none until a pause is over. */
export class Outbox {
  readonly #news = new Map<string, News>();
  readonly #events = new EventEmitter();
  readonly #signal: AbortSignal;
  readonly #pauses: Pauses;

  /** @param signal ends `add` and `deliver`, which throw its reason */
  constructor(signal: AbortSignal, pauses = PAUSES) {
    this.#signal = signal;
    this.#pauses = pauses;
    // Each follower of a vault may wait for room.
    setMaxListeners(0, this.#events, signal);
  }

  /** Adds a row; waits while too many other vaults have news. */
  async add(vaultId: string, row: VaultEntry): Promise<void> {
    while (!this.#news.has(vaultId) && this.#news.size >= MAX_VAULTS) await this.#next('room');
    const news = this.#news.get(vaultId) ?? new News(vaultId);
    this.#news.set(vaultId, news);
    news.add(row);
    this.#events.emit('news');
  }

  /** Delivers until the signal is aborted. */
  async deliver(notify: Notify): Promise<never> {
    const { collect, first, longest } = this.#pauses;
    for (let pause = first; ; ) {
      const isQuiet = this.#news.size === 0;
      if (isQuiet) {
        await this.#next('news');
        await this.#wait(collect);
      }
      pause = isQuiet ? first : Math.min(pause * 2, longest);
      await this.flush(notify);
      await this.#wait(pause);
    }
  }

  /** Delivers what waits, without a pause. */
  async flush(notify: Notify): Promise<void> {
    const ready = [...this.#news.values()];
    this.#news.clear();
    this.#events.emit('room');
    for (const news of ready) await notify(news.toEvent());
  }

  readonly #next = (event: 'news' | 'room') => once(this.#events, event, { signal: this.#signal });
  readonly #wait = (ms: number) => setTimeout(ms, undefined, { signal: this.#signal });
}
