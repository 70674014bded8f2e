import type { Reader } from '../../access/policy.ts';
import { SUBSCRIPTION } from './topics.ts';
import { refuseEnd, type VaultWaiters, type Wait, type WaitEnd } from './waiters.ts';

/** Who follows, and what is called when the right ends, or announcements may have been lost. */
interface Follower {
  reader: Reader;
  signal: AbortSignal | undefined;
  onEnd(): void;
  onLookAgain?(): void;
}

/**
 * One wait that lasts as long as the subscription, which no change ends. A wait for the next change may end by a change, and then misses
 * the end of the credential.
 */
export class RightToFollow {
  #waiting: Wait;
  #end: WaitEnd | undefined;

  constructor(waiters: VaultWaiters, { reader, signal, onEnd, onLookAgain = () => undefined }: Follower) {
    const begin = () => {
      const waiting = waiters.begin({
        topic: SUBSCRIPTION,
        credentialHash: reader.origin?.credentialHash,
        signal,
      });
      void waiting.ended.then((end) => {
        if (this.#end !== undefined) return;
        if (end === 'look again') {
          this.#waiting = begin();
          onLookAgain();
        } else this.#end = end;
        onEnd();
      });
      return waiting;
    };
    this.#waiting = begin();
  }

  /** @returns whether the reader has left @throws RelayError when the credential has ended, or the server stops */
  hasLeft(): boolean {
    if (this.#end !== undefined) refuseEnd(this.#end);
    return this.#end === 'left';
  }

  cancel(): void {
    this.#end ??= 'left';
    this.#waiting.cancel();
  }
}
