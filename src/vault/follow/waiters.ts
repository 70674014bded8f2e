import { RelayError, unauthorized } from '../../errors.ts';

/** Why a wait ended. `look again`: a notification may have been lost, so the waiter must read again. */
export type WaitEnd = 'changed' | 'time is up' | 'credential ended' | 'closing' | 'left' | 'look again';

export const credentialEnded = () =>
  unauthorized('This session, key or sign-in ended while the request was waiting.');

const stopping = () =>
  new RelayError('SERVICE_UNAVAILABLE', 'The server is stopping; connect again.', { retryAfter: 1 });

/** @throws RelayError where the reason for the end is an error for the follower */
export function refuseEnd(end: WaitEnd): void {
  if (end === 'credential ended') throw credentialEnded();
  if (end === 'closing') throw stopping();
}

export interface WaitFor {
  /** The topic that `changed` is called with. */
  topic: string;
  /** Hexadecimal SHA-256 of the secret of the waiting credential. */
  credentialHash: string | undefined;
  /** Time-out in ms; undefined: none. */
  ms?: number | undefined;
  /** Aborts when the waiting client leaves. */
  signal?: AbortSignal | undefined;
}

/** A wait in progress. */
export interface Wait {
  readonly ended: Promise<WaitEnd>;
  /** Ends the wait. It does nothing after the wait has ended. */
  cancel(): void;
}

type Wake = (end: WaitEnd) => void;

/**
 * Waits for vaults to change. A wait is a promise and an entry in two maps; it holds no database connection. Begin the wait
 * before the read, because a commit between the read and the wait would be missed.
 */
export class VaultWaiters {
  readonly #byTopic = new Map<string, Set<Wake>>();
  readonly #byCredential = new Map<string, Set<Wake>>();
  #closing = false;
  #size = 0;

  /** The number of waits in progress. */
  get size(): number {
    return this.#size;
  }

  begin({ topic, credentialHash, ms, signal }: WaitFor): Wait {
    if (this.#closing) return { ended: Promise.resolve('closing'), cancel: () => undefined };
    let wake: Wake = () => undefined;
    const ended = new Promise<WaitEnd>((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const leave = () => wake('left');
      wake = (end) => {
        if (!remove(this.#byTopic, topic, wake)) return;
        this.#size--;
        if (credentialHash !== undefined) remove(this.#byCredential, credentialHash, wake);
        clearTimeout(timer);
        signal?.removeEventListener('abort', leave);
        resolve(end);
      };
      this.#size++;
      add(this.#byTopic, topic, wake);
      if (credentialHash !== undefined) add(this.#byCredential, credentialHash, wake);
      if (ms !== undefined) timer = setTimeout(() => wake('time is up'), ms);
      signal?.addEventListener('abort', leave);
      if (signal?.aborted) leave();
    });
    return { ended, cancel: () => wake('left') };
  }

  changed(topic: string): void {
    wakeAll(this.#byTopic.get(topic), 'changed');
  }

  /** @param idHash hexadecimal SHA-256 of the credential's secret */
  credentialEnded(idHash: string): void {
    wakeAll(this.#byCredential.get(idHash), 'credential ended');
  }

  /** The credentials with waiting requests, by hexadecimal hash. */
  credentials(): string[] {
    return [...this.#byCredential.keys()];
  }

  /** Wakes every waiter to read again, because notifications may have been lost. */
  lookAgain(): void {
    for (const waiting of [...this.#byTopic.values()]) wakeAll(waiting, 'look again');
  }

  /** Ends every wait. Later waits end at once. */
  close(): void {
    this.#closing = true;
    for (const waiting of [...this.#byTopic.values()]) wakeAll(waiting, 'closing');
  }
}

function add(map: Map<string, Set<Wake>>, key: string, wake: Wake): void {
  const set = map.get(key);
  if (set) set.add(wake);
  else map.set(key, new Set([wake]));
}

/** @returns whether the waiter was registered */
function remove(map: Map<string, Set<Wake>>, key: string, wake: Wake): boolean {
  const set = map.get(key);
  const was = set?.delete(wake) ?? false;
  if (set?.size === 0) map.delete(key);
  return was;
}

function wakeAll(waiting: Set<Wake> | undefined, end: WaitEnd): void {
  for (const wake of [...(waiting ?? [])]) wake(end);
}
