import type { CommittedWrite, VaultFeed } from '../vault/feed.ts';
import type { RedisLine } from './line.ts';

interface Message {
  /** Id of the replica that wrote. */
  from: string;
  writes: CommittedWrite[];
}

/** What is written while Redis cannot be reached is announced no more often than this. */
const OTHERWISE_MS = 500;

export interface FeedBridgeDeps {
  feed: VaultFeed;
  line: RedisLine;
  /** Has those look again who wait at other replicas, by a way past Redis. */
  tellOtherwise(): Promise<unknown>;
}

/**
 * Tells the other replicas of what is written here, and the feed of what is written there. Best effort: who
 * reads by `since` misses nothing.
 */
export class FeedBridge {
  readonly #feed: VaultFeed;
  readonly #line: RedisLine;
  readonly #tellOtherwise: () => Promise<unknown>;
  #waiting: CommittedWrite[] = [];
  #otherwise: NodeJS.Timeout | undefined;
  /** The write of another replica that the feed is just told of; it must not go back. */
  #fromElsewhere: CommittedWrite | undefined;

  constructor({ feed, line, tellOtherwise }: FeedBridgeDeps) {
    this.#feed = feed;
    this.#line = line;
    this.#tellOtherwise = tellOtherwise;
    feed.listen((write) => {
      if (write !== this.#fromElsewhere) this.#tell(write);
    });
  }

  /** Takes a message of the channel of writes. */
  received(message: string): void {
    const { from, writes } = JSON.parse(message) as Message;
    if (from === this.#line.id) return;
    for (const write of writes) {
      this.#fromElsewhere = write;
      this.#feed.written(write);
    }
    this.#fromElsewhere = undefined;
  }

  /** What is written in one turn of the event loop goes out as one message. */
  #tell(write: CommittedWrite): void {
    if (this.#waiting.push(write) === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const from = this.#line.id;
    const writes = this.#waiting;
    this.#waiting = [];
    if (from === undefined) {
      this.#untold();
      return;
    }
    const message = JSON.stringify({ from, writes } satisfies Message);
    this.#line.publish(this.#line.keys.writes, message).catch(() => this.#untold());
  }

  /** Everything that is written until the timer ends is announced at once. */
  #untold(): void {
    this.#otherwise ??= setTimeout(() => {
      this.#otherwise = undefined;
      this.#tellOtherwise().catch(() => undefined); // who waits looks again by himself after a while
    }, OTHERWISE_MS).unref();
  }
}
