import { randomUUID } from 'node:crypto';
import type { FastifyBaseLogger } from 'fastify';
import { type Redis, ReplyError } from 'ioredis';
import { RelayError } from '../errors.ts';
import { within } from './deadline.ts';
import { type Keys, makeKeys, type ReplicaId, replicaOf } from './keys.ts';
import { ANSWER_MS, CONNECT_MS, disconnect, type Link, makeClient } from './link.ts';
import { makeScripts, type ScriptName } from './scripts.ts';

/** Interval of heartbeats. Each also lists the other replicas. */
export const BEAT_MS = 1500;
/** A replica without a heartbeat for this long is dead. It has closed its sockets by then, because {@link BEAT_MS} plus {@link ANSWER_MS} is less. */
export const PRESENCE_MS = 6000;
const RECONNECT_MS = 500;

/** Errors of a reachable but unusable Redis: a replica, loading, full, busy, or without our scripts. */
const UNUSABLE =
  /^(READONLY|LOADING|MASTERDOWN|OOM|MISCONF|NOREPLICAS|BUSY|NOSCRIPT|NOAUTH|WRONGPASS|NOPERM|UNBLOCKED)/;

const unreachable = (cause?: unknown) =>
  new RelayError('SERVICE_UNAVAILABLE', 'The rooms cannot be reached at the moment; try again shortly.', {
    retryAfter: 1,
    cause,
  });

export interface LineEvents {
  /** Called when a connection to Redis is ready, also after a reconnect. */
  onOpen(): void;
  /** Called when the connection is lost or this replica's presence has expired: messages to it may be lost. */
  onLost(): void;
  /** Called with a message for the sockets of this replica. */
  onInbox(message: string): void;
  /** Called with a message of the channel of writes. */
  onWrites(message: string): void;
  /** Called with dead replicas at every heartbeat, until they have been cleaned up. */
  onDead(ids: ReplicaId[]): void;
}

export interface LineOptions {
  url: string;
  log: FastifyBaseLogger;
  events: LineEvents;
}

/** The connection to Redis. Reconnects after a loss, with a new replica id. */
export class RedisLine {
  readonly keys: Keys;
  readonly #options: LineOptions;
  readonly #scripts: Record<ScriptName, string>;
  #link: Link | undefined;
  /** The previous id of this replica. Removed on reconnect, so that the others need not wait for it to expire. */
  #former: ReplicaId | '' = '';
  #replicas = 0;
  #attempt: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: LineOptions) {
    this.#options = options;
    const prefix = `vault-relay:${/^\/(\d+)$/.exec(new URL(options.url).pathname)?.[1] ?? 0}:`;
    this.keys = makeKeys(prefix);
    this.#scripts = makeScripts(prefix);
  }

  /** Resolves after the first attempt to connect. Later attempts continue in the background. */
  async start(): Promise<void> {
    await this.#try(true);
  }

  /** Id of this replica; undefined while Redis is unreachable. */
  get id(): ReplicaId | undefined {
    return this.#link?.id;
  }

  /** The connection for commands; undefined while Redis cannot be reached. A call on it that fails does not lose it. */
  get commands(): Redis | undefined {
    return this.#link?.commands;
  }

  /** Number of live replicas at the last heartbeat, including this one; 0 while Redis is unreachable. */
  get replicas(): number {
    return this.#link ? this.#replicas : 0;
  }

  /** Runs a script. Redis executes calls in call order. @throws RelayError `SERVICE_UNAVAILABLE` */
  run(name: ScriptName, ...args: (string | number)[]): Promise<unknown> {
    return this.#ask(({ commands, shas }) => commands.evalsha(shas[name], 0, ...args));
  }

  /** Publishes a message to the subscribers of a channel. @throws RelayError `SERVICE_UNAVAILABLE` */
  async publish(channel: string, message: string): Promise<void> {
    await this.#ask(({ commands }) => commands.publish(channel, message));
  }

  /** Members of a set. @throws RelayError `SERVICE_UNAVAILABLE` */
  members(key: string): Promise<string[]> {
    return this.#ask(({ commands }) => commands.smembers(key));
  }

  /** Members of a sorted set up to a score. @throws RelayError `SERVICE_UNAVAILABLE` */
  membersUpTo(key: string, score: number): Promise<string[]> {
    return this.#ask(({ commands }) => commands.zrangebyscore(key, '-inf', score));
  }

  /** Reconnects with a new id, because this replica's presence has expired. */
  lapsed(): void {
    if (this.#link) this.#lose(this.#link, new Error('the presence of this replica expired'));
  }

  /** Removes this replica's presence, so that the others need not wait for it to expire, and disconnects. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#attempt;
    clearTimeout(this.#timer);
    const link = this.#link;
    this.#link = undefined;
    if (!link) return;
    // The key expires by itself.
    await link.commands.del(this.keys.replica(link.id)).catch(() => undefined);
    disconnect(link);
  }

  #try(first: boolean): Promise<void> {
    this.#attempt = this.#open().catch((error: Error) => {
      const level = first ? 'warn' : 'debug';
      this.#options.log[level](
        { reason: error.message },
        'Redis cannot be reached; rooms are unavailable until it can',
      );
      this.#tryLater();
    });
    return this.#attempt;
  }

  #tryLater(): void {
    if (!this.#closed) this.#timer = setTimeout(() => this.#try(false), RECONNECT_MS);
  }

  async #open(): Promise<void> {
    const [commands, subscriber] = [makeClient(this.#options.url), makeClient(this.#options.url)];
    const id = replicaOf(randomUUID());
    try {
      const shas = await within(CONNECT_MS + ANSWER_MS, this.#introduce({ id, commands, subscriber }));
      const link: Link = { id, commands, subscriber, shas };
      for (const client of [commands, subscriber]) {
        if (client.status !== 'ready') throw new Error('the connection was lost while it was set up');
        client.once('end', () => this.#lose(link, new Error('the connection was lost')));
      }
      this.#link = link;
    } catch (error) {
      disconnect({ commands, subscriber });
      throw error;
    }
    this.#options.log.info({ replica: id }, 'Connected to Redis');
    this.#options.events.onOpen();
    this.#beatLater(this.#link);
  }

  async #introduce({ id, commands, subscriber }: Omit<Link, 'shas'>): Promise<Link['shas']> {
    await Promise.all([commands.connect(), subscriber.connect()]);
    const shas: Partial<Link['shas']> = {};
    for (const [name, text] of Object.entries(this.#scripts)) {
      shas[name as ScriptName] = (await commands.script('LOAD', text)) as string;
    }
    const { onInbox, onWrites } = this.#options.events;
    const inbox = this.keys.inbox(id);
    subscriber.on('message', (channel, message) => {
      if (channel === inbox) onInbox(message);
      else onWrites(message);
    });
    // Must precede `arrive`, which publishes the id, so that no message to it is missed.
    await subscriber.subscribe(inbox, this.keys.writes);
    await commands.evalsha(shas.arrive as string, 0, id, PRESENCE_MS, this.#former);
    this.#replicas = 1;
    return shas as Link['shas'];
  }

  #beatLater(link: Link): void {
    this.#timer = setTimeout(() => {
      if (this.#link === link && !this.#closed) void this.#beat(link);
    }, BEAT_MS);
  }

  /** Checks both connections, because the network may drop only one of them. */
  async #beat(link: Link): Promise<void> {
    try {
      const [answer] = await Promise.all([
        link.commands.evalsha(link.shas.beat, 0, link.id, PRESENCE_MS),
        within(ANSWER_MS, link.subscriber.ping()),
      ]);
      const [count = 0, ...dead] = answer as [number, ...ReplicaId[]];
      if (count < 0) throw new Error('the presence of this replica expired');
      this.#replicas = count;
      if (dead.length > 0) this.#options.events.onDead(dead);
      this.#beatLater(link);
    } catch (error) {
      this.#lose(link, error as Error);
    }
  }

  /** Drops the link after a time-out or an unusable answer, because the next call would fail too. */
  async #ask<T>(call: (link: Link) => Promise<T>): Promise<T> {
    const link = this.#link;
    if (!link) throw unreachable();
    try {
      return await call(link);
    } catch (error) {
      const { message } = error as Error;
      if (!(error instanceof ReplyError) || UNUSABLE.test(message)) this.#lose(link, error as Error);
      else this.#options.log.error({ reason: message }, 'Redis refused a command');
      throw unreachable(error);
    }
  }

  #lose(link: Link, why: Error): void {
    if (this.#link !== link) return;
    this.#link = undefined;
    this.#former = link.id;
    clearTimeout(this.#timer);
    disconnect(link);
    if (this.#closed) return;
    this.#options.log.warn(
      { replica: link.id, reason: why.message },
      'Lost Redis; rooms are unavailable until it is back',
    );
    this.#options.events.onLost();
    this.#tryLater();
  }
}
