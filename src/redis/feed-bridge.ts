import type { CommittedWrite, VaultFeed } from '../vault/feed.ts';
import type { RedisLine } from './line.ts';

interface Message {
  /** Id of the replica that wrote. */
  from: string;
  writes: CommittedWrite[];
}

/**
 * Tells the other replicas of what is written here, and the feed of what is written there. Best effort: who
 * reads by `since` misses nothing.
 */
export class FeedBridge {
  readonly #feed: VaultFeed;
  readonly #line: RedisLine;
  #waiting: CommittedWrite[] = [];
  /** The write of another replica that the feed is just told of; it must not go back. */
  #fromElsewhere: CommittedWrite | undefined;

  constructor(feed: VaultFeed, line: RedisLine) {
    this.#feed = feed;
    this.#line = line;
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
    if (from === undefined) return;
    const message = JSON.stringify({ from, writes } satisfies Message);
    this.#line.publish(this.#line.keys.writes, message).catch(() => undefined);
  }
}
