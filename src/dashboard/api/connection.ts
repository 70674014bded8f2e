import { SharedState, useShared } from '../shared-state.ts';

/** How often a server that does not answer is asked again. */
const PROBE_MS = 1000;
/** Of a pause that a server asks for at most: it may be wrong, and a person can try again by hand. */
const MAX_PAUSE_MS = 120_000;

/** An address of the server, also where a proxy serves it under a path. */
export const serverUrl = (path: string): string => new URL(path, document.baseURI).href;

/** How the server can be reached. One object as long as nothing changes. */
export interface ConnectionState {
  /** No answer comes. */
  lost: boolean;
  /** When the pause that the server asked for is over, on the clock of `Date.now()`; 0: there is none. */
  pausedUntil: number;
}

const answers = (): Promise<boolean> =>
  fetch(serverUrl('health'), { cache: 'no-store' }).then(
    ({ ok }) => ok,
    () => false, // no answer
  );

/** Whether the server answers. A caller that gets no answer reports it; then the server is probed until it is back. */
class Connection {
  readonly shared = new SharedState<ConnectionState>({ lost: false, pausedUntil: 0 });
  /** When a call that failed is made again, by its error. */
  readonly #retryTimes = new WeakMap<object, number>();
  #probing: ReturnType<typeof setTimeout> | undefined;
  #pausing: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    window.addEventListener('offline', () => this.reportLost());
    window.addEventListener('online', () => this.state.lost && void this.#probe());
  }

  get state(): ConnectionState {
    return this.shared.value;
  }

  /** A call that failed with this error is made again in so many ms. */
  noteRetry(error: object, ms: number): void {
    this.#retryTimes.set(error, Date.now() + ms);
  }

  /** @returns when a call that failed with this error is made again, on the clock of `Date.now()`; 0: never by itself */
  retryTimeOf(error: object): number {
    return this.#retryTimes.get(error) ?? 0;
  }

  /** A call did not get through. */
  reportLost(): void {
    if (this.state.lost) return;
    this.#set({ lost: true });
    this.#probing = setTimeout(this.#probe, PROBE_MS);
  }

  /** A stream broke off, which happens behind proxies: lost only if the server does not answer now. */
  async suspect(): Promise<void> {
    if (!this.state.lost && !(await answers())) this.reportLost();
  }

  /** The server answers, but asks for a pause. */
  reportPause(ms: number): void {
    const until = Date.now() + Math.min(ms, MAX_PAUSE_MS);
    if (until <= this.state.pausedUntil) return;
    this.#set({ pausedUntil: until });
    clearTimeout(this.#pausing);
    this.#pausing = setTimeout(() => this.#set({ pausedUntil: 0 }), until - Date.now());
  }

  /** Waits until a pause is over. @throws the reason of the signal when it is aborted before */
  async waitForPause(signal?: AbortSignal | null): Promise<void> {
    while (this.state.pausedUntil > 0) {
      await new Promise<void>((resolve, reject) => {
        const stop = this.shared.listen(() => {
          stop();
          resolve();
        });
        signal?.addEventListener('abort', () => {
          stop();
          reject(signal.reason);
        });
      });
    }
    signal?.throwIfAborted();
  }

  readonly #probe = async (): Promise<void> => {
    clearTimeout(this.#probing);
    if (await answers()) this.#set({ lost: false });
    else this.#probing = setTimeout(this.#probe, PROBE_MS);
  };

  #set(change: Partial<ConnectionState>): void {
    this.shared.set({ ...this.state, ...change });
  }
}

export const connection = new Connection();

/** How the server can be reached now; the component follows changes. */
export const useConnection = (): ConnectionState => useShared(connection.shared, (state) => state);
