import { useSyncExternalStore } from 'react';
import { serverUrl } from './client.ts';

/** How often a server that does not answer is asked again. */
const PROBE_MS = 1000;

type Listener = () => void;

const answers = (): Promise<boolean> =>
  fetch(serverUrl('health'), { cache: 'no-store' }).then(
    ({ ok }) => ok,
    () => false,
  );

/** Whether the server answers. Whoever sees it fail says so; then it is asked until it is back. */
class Connection {
  #lost = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #listeners = new Set<Listener>();

  constructor() {
    window.addEventListener('offline', () => this.reportLost());
    window.addEventListener('online', () => this.#lost && void this.#probe());
  }

  get lost(): boolean {
    return this.#lost;
  }

  /** @returns a function that ends the listening */
  listen = (listener: Listener): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** A call did not get through. */
  reportLost(): void {
    if (this.#lost) return;
    this.#set(true);
    this.#timer = setTimeout(this.#probe, PROBE_MS);
  }

  /** A stream broke off, which happens behind proxies: lost only if the server does not answer now. */
  async suspect(): Promise<void> {
    if (!this.#lost && !(await answers())) this.reportLost();
  }

  readonly #probe = async (): Promise<void> => {
    clearTimeout(this.#timer);
    if (await answers()) this.#set(false);
    else this.#timer = setTimeout(this.#probe, PROBE_MS);
  };

  #set(lost: boolean): void {
    this.#lost = lost;
    for (const listener of this.#listeners) listener();
  }
}

export const connection = new Connection();

/** Whether the server is out of reach now; the component follows changes. */
export const useConnectionLost = (): boolean =>
  useSyncExternalStore(connection.listen, () => connection.lost);
