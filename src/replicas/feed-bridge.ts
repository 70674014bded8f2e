import { z } from 'zod';
import type { CommittedWrite, VaultFeed } from '../vault/follow/feed.ts';
import type { RedisLine } from './line.ts';

const Write = z.object({
  workSessionId: z.string(),
  vaultId: z.string(),
  seq: z.int(),
  kind: z.enum(['content', 'summary']),
}) satisfies z.ZodType<CommittedWrite>;

/** `from` is the id of the replica that wrote. A newer one may tell of more than this one knows. */
const Message = z.object({ from: z.string(), writes: z.array(z.unknown()) });

/** What is written while Redis cannot be reached is announced no more often than this. */
const OTHERWISE_MS = 500;

export interface FeedBridgeDeps {
  feed: VaultFeed;
  line: RedisLine;
  /** Has those look again who wait at other replicas, by a way past Redis. */
  tellOtherwise(): Promise<unknown>;
  /** Has those look again who wait here. */
  lookAgain(): void;
  /** Called for what another replica tells that this one does not understand. */
  onUnknown(): void;
}

/**
 * Tells the other replicas of what is written here, and the feed of what is written there. Best effort: who
 * reads by `since` misses nothing.
 */
export class FeedBridge {
  readonly #feed: VaultFeed;
  readonly #line: RedisLine;
  readonly #deps: FeedBridgeDeps;
  #waiting: CommittedWrite[] = [];
  #otherwise: NodeJS.Timeout | undefined;
  #looking: NodeJS.Timeout | undefined;
  /** The write of another replica that the feed is just told of; it must not go back. */
  #fromElsewhere: CommittedWrite | undefined;

  constructor(deps: FeedBridgeDeps) {
    const { feed, line } = deps;
    this.#feed = feed;
    this.#line = line;
    this.#deps = deps;
    feed.listen((write) => {
      if (write !== this.#fromElsewhere) this.#tell(write);
    });
  }

  /** Takes a message of the channel of writes. What it does not understand it reports, and ignores. Never throws. */
  received(message: string): void {
    const parsed = Message.safeParse(parseJson(message));
    if (!parsed.success) this.#unknown();
    if (!parsed.success || parsed.data.from === this.#line.id) return;
    for (const each of parsed.data.writes) {
      const write = Write.safeParse(each);
      if (!write.success) {
        this.#unknown();
        continue;
      }
      this.#fromElsewhere = write.data;
      this.#feed.written(write.data);
    }
    this.#fromElsewhere = undefined;
  }

  /** Something was written, perhaps: a waiting reader finds out when it looks again. */
  #unknown(): void {
    this.#deps.onUnknown();
    this.#looking ??= setTimeout(() => {
      this.#looking = undefined;
      this.#deps.lookAgain();
    }, OTHERWISE_MS).unref();
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
    const message = JSON.stringify({ from, writes } satisfies z.input<typeof Message>);
    this.#line.publish(this.#line.keys.writes, message).catch(() => this.#untold());
  }

  /** Everything that is written until the timer ends is announced at once. */
  #untold(): void {
    this.#otherwise ??= setTimeout(() => {
      this.#otherwise = undefined;
      this.#deps.tellOtherwise().catch(() => undefined); // who waits looks again by himself after a while
    }, OTHERWISE_MS).unref();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // counted as a message that this server does not understand
  }
}
