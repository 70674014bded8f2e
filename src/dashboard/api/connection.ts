import { SharedState, useShared } from '../shared-state.ts';

/** Retry interval while the server does not answer. */
const PROBE_MS = 1000;
/** Maximum pause on a server's request, because the request may be wrong. A person can retry earlier. */
const MAX_PAUSE_MS = 120_000;

/** A URL of the server, correct also behind a proxy that serves it under a path. */
export const serverUrl = (path: string): string => new URL(path, document.baseURI).href;

/** The state of the connection. The object is replaced only when it changes. */
export interface ConnectionState {
  /** No answer comes. */
  lost: boolean;
  /** End of the pause that the server requested, on the clock of `Date.now()`; 0 if there is none. */
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

  /** @returns time of the automatic retry after this error, on the clock of `Date.now()`; 0 if there is none */
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

  /** The server is reachable but requested a pause. */
  reportPause(ms: number): void {
    const until = Date.now() + Math.min(ms, MAX_PAUSE_MS);
    if (until <= this.state.pausedUntil) return;
    this.#set({ pausedUntil: until });
    clearTimeout(this.#pausing);
    this.#pausing = setTimeout(() => this.#set({ pausedUntil: 0 }), until - Date.now());
  }

  /** Waits while no answer comes. */
  async waitUntilBack(): Promise<void> {
    while (this.state.lost) {
      await new Promise<void>((resolve) => {
        const stop = this.shared.listen(() => {
          stop();
          resolve();
        });
      });
    }
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
