import { z } from 'zod';
import type { CommittedWrite, OutsideReadNoted, VaultFeed } from '../vault/follow/feed.ts';
import type { RedisLine } from './line.ts';

const Write = z.object({
  workSessionId: z.string(),
  vaultId: z.string(),
  seq: z.int(),
  kind: z.enum(['content', 'summary']),
  by: z
    .object({ clientId: z.string(), author: z.string().optional(), entryNo: z.int(), version: z.int() })
    .optional(),
}) satisfies z.ZodType<CommittedWrite>;

const OutsideRead = z.object({
  workSessionId: z.string(),
  vaultId: z.string(),
  id: z.int(),
}) satisfies z.ZodType<OutsideReadNoted>;

/** `from` is the id of the writing replica. Items stay unparsed, because a newer replica may send unknown ones. */
const Message = z.object({
  from: z.string(),
  writes: z.array(z.unknown()),
  /** Absent from older replicas. */
  reads: z.array(z.unknown()).optional(),
});

/** While Redis is unreachable, writes are announced at most this often. */
const FALLBACK_MS = 500;

export interface FeedBridgeDeps {
  feed: VaultFeed;
  line: RedisLine;
  /** Makes waiting reads on other replicas query again, without using Redis. */
  notifyWithoutRedis(): Promise<unknown>;
  /** Makes waiting reads on this replica query again. */
  lookAgain(): void;
  /** Called for a message of another replica that this version does not understand. */
  onUnknown(): void;
}

/**
 * Publishes local writes and reads from outside to the other replicas, and passes theirs to the local feed. Best effort, because a reader
 * that polls by `since` misses nothing.
 */
export class FeedBridge {
  readonly #feed: VaultFeed;
  readonly #line: RedisLine;
  readonly #deps: FeedBridgeDeps;
  #waiting: CommittedWrite[] = [];
  #waitingReads: OutsideReadNoted[] = [];
  #fallback: NodeJS.Timeout | undefined;
  #looking: NodeJS.Timeout | undefined;
  /** The remote event that the feed is processing; it must not be published again. */
  #fromElsewhere: CommittedWrite | OutsideReadNoted | undefined;

  constructor(deps: FeedBridgeDeps) {
    const { feed, line } = deps;
    this.#feed = feed;
    this.#line = line;
    this.#deps = deps;
    feed.listen((write) => {
      if (write === this.#fromElsewhere) return;
      const { bytes: _, ...announced } = write;
      this.#queue(this.#waiting, announced);
    });
    feed.listenToReads((read) => {
      if (read !== this.#fromElsewhere) this.#queue(this.#waitingReads, read);
    });
  }

  /** Handles a message of the channel of writes. Reports and ignores unknown content. Never throws. */
  received(message: string): void {
    const parsed = Message.safeParse(parseJson(message));
    if (!parsed.success) this.#unknown();
    if (!parsed.success || parsed.data.from === this.#line.id) return;
    const { writes, reads = [] } = parsed.data;
    this.#passOn(Write, writes, (write) => this.#feed.written(write));
    this.#passOn(OutsideRead, reads, (read) => this.#feed.readOutside(read));
    this.#fromElsewhere = undefined;
  }

  #passOn<Event extends CommittedWrite | OutsideReadNoted>(
    form: z.ZodType<Event>,
    events: unknown[],
    pass: (event: Event) => void,
  ): void {
    for (const each of events) {
      const event = form.safeParse(each);
      if (!event.success) {
        this.#unknown();
        continue;
      }
      this.#fromElsewhere = event.data;
      pass(event.data);
    }
  }

  /** Makes waiting reads query again, because an unknown message may announce a write. */
  #unknown(): void {
    this.#deps.onUnknown();
    this.#looking ??= setTimeout(() => {
      this.#looking = undefined;
      this.#deps.lookAgain();
    }, FALLBACK_MS).unref();
  }

  /** Batches the events of one event loop turn into one message. */
  #queue<Event>(waiting: Event[], event: Event): void {
    const first = this.#waiting.length + this.#waitingReads.length === 0;
    waiting.push(event);
    if (first) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const from = this.#line.id;
    const [writes, reads] = [this.#waiting, this.#waitingReads];
    this.#waiting = [];
    this.#waitingReads = [];
    if (from === undefined) {
      this.#notifyLater();
      return;
    }
    const message = JSON.stringify({
      from,
      writes,
      ...(reads.length > 0 && { reads }),
    } satisfies z.input<typeof Message>);
    this.#line.publish(this.#line.keys.writes, message).catch(() => this.#notifyLater());
  }

  /** Coalesces all writes until the timer fires into one notification. */
  #notifyLater(): void {
    this.#fallback ??= setTimeout(() => {
      this.#fallback = undefined;
      this.#deps.notifyWithoutRedis().catch(() => undefined); // waiting reads also query again on a timer
    }, FALLBACK_MS).unref();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // counted as a message that this server does not understand
  }
}
