import { randomUUID } from 'node:crypto';
import type { FastifyBaseLogger } from 'fastify';
import { Redis, ReplyError } from 'ioredis';
import { RelayError } from '../errors.ts';
import { within } from './deadline.ts';
import { type Keys, makeKeys, type ReplicaId, replicaOf } from './keys.ts';
import { makeScripts, type ScriptName } from './scripts.ts';

/** A replica says this often that it is there, and looks who else is. */
export const BEAT_MS = 1500;
/** A replica that was silent for so long is dead. It has given up its sockets by then, see {@link ANSWER_MS}. */
export const PRESENCE_MS = 6000;
/** Time that Redis has for an answer. One beat and this are less than {@link PRESENCE_MS}. */
const ANSWER_MS = 3000;
const CONNECT_MS = 2000;
const RECONNECT_MS = 500;

/** Answers of a Redis that is there, and of no use: a copy, loading, full, busy, or without our scripts. */
const OF_NO_USE =
  /^(READONLY|LOADING|MASTERDOWN|OOM|MISCONF|NOREPLICAS|BUSY|NOSCRIPT|NOAUTH|WRONGPASS|NOPERM|UNBLOCKED)/;

const unreachable = (cause?: unknown) =>
  new RelayError('SERVICE_UNAVAILABLE', 'The rooms cannot be reached at the moment; try again shortly.', {
    retryAfter: 1,
    cause,
  });

export interface LineEvents {
  /** Redis is there, or there again. */
  onOpen(): void;
  /** Redis is not there, or took this replica for dead: what was sent to it may be lost. */
  onLost(): void;
  /** A message for the sockets of this replica. */
  onInbox(message: string): void;
  /** A message on the channel of writes. */
  onWrites(message: string): void;
  /** Replicas that are dead, at every beat until they are forgotten. */
  onDead(ids: ReplicaId[]): void;
}

export interface LineOptions {
  url: string;
  log: FastifyBaseLogger;
  events: LineEvents;
}

/** One connection for commands and one that listens, as long as both are good. */
interface Link {
  /** What this replica is called as long as the link holds; a new link is a new replica. */
  readonly id: ReplicaId;
  readonly commands: Redis;
  readonly subscriber: Redis;
  readonly shas: Record<ScriptName, string>;
}

/** The way to Redis: made again when it is lost, under another name. */
export class RedisLine {
  readonly keys: Keys;
  readonly #options: LineOptions;
  readonly #scripts: Record<ScriptName, string>;
  #link: Link | undefined;
  /** What this replica was called before; nobody needs to wait until that is dead. */
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

  /** Resolves when Redis was tried once; it may come later. */
  async start(): Promise<void> {
    await this.#try(true);
  }

  /** Id of this replica; undefined while Redis cannot be reached. */
  get id(): ReplicaId | undefined {
    return this.#link?.id;
  }

  /** The connection for commands; undefined while Redis cannot be reached. A call on it that fails does not lose it. */
  get commands(): Redis | undefined {
    return this.#link?.commands;
  }

  /** How many replicas were there at the last beat, this one included; 0 while Redis cannot be reached. */
  get replicas(): number {
    return this.#link ? this.#replicas : 0;
  }

  /** Runs a script. Calls are carried out in their order. @throws RelayError `SERVICE_UNAVAILABLE` */
  run(name: ScriptName, ...args: (string | number)[]): Promise<unknown> {
    return this.#ask(({ commands, shas }) => commands.evalsha(shas[name], 0, ...args));
  }

  /** Sends a message to whoever listens to a channel. @throws RelayError `SERVICE_UNAVAILABLE` */
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

  /** This replica was taken for dead: it begins anew. */
  lapsed(): void {
    if (this.#link) this.#lose(this.#link, new Error('this replica was taken for dead'));
  }

  /** Says good-bye: the others need not wait until this replica is dead. */
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
      this.#options.log[level]({ reason: error.message }, 'Redis cannot be reached; rooms have to wait');
      this.#tryLater();
    });
    return this.#attempt;
  }

  #tryLater(): void {
    if (!this.#closed) this.#timer = setTimeout(() => this.#try(false), RECONNECT_MS);
  }

  async #open(): Promise<void> {
    const [commands, subscriber] = [this.#client(), this.#client()];
    const id = replicaOf(randomUUID());
    try {
      const shas = await within(CONNECT_MS + ANSWER_MS, this.#introduce({ id, commands, subscriber }));
      const link: Link = { id, commands, subscriber, shas };
      for (const client of [commands, subscriber]) {
        if (client.status !== 'ready') throw new Error('the connection was lost again');
        client.once('end', () => this.#lose(link, new Error('the connection was lost')));
      }
      this.#link = link;
    } catch (error) {
      disconnect({ commands, subscriber });
      throw error;
    }
    this.#options.log.info({ replica: id }, 'Redis is there');
    this.#options.events.onOpen();
    this.#beatLater(this.#link);
  }

  #client(): Redis {
    const client = new Redis(this.#options.url, {
      lazyConnect: true,
      retryStrategy: () => null,
      enableOfflineQueue: false,
      connectTimeout: CONNECT_MS,
      commandTimeout: ANSWER_MS,
      connectionName: 'vault-relay',
    });
    client.on('error', () => undefined); // 'end' follows, or the call under way rejects
    return client;
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
    // Before anybody can know the id, so that nothing is missed that is sent to it.
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

  /** Both connections have to answer, since a network may swallow what goes over one. */
  async #beat(link: Link): Promise<void> {
    try {
      const [answer] = await Promise.all([
        link.commands.evalsha(link.shas.beat, 0, link.id, PRESENCE_MS),
        within(ANSWER_MS, link.subscriber.ping()),
      ]);
      const [count = 0, ...dead] = answer as [number, ...ReplicaId[]];
      if (count < 0) throw new Error('this replica was taken for dead');
      this.#replicas = count;
      if (dead.length > 0) this.#options.events.onDead(dead);
      this.#beatLater(link);
    } catch (error) {
      this.#lose(link, error as Error);
    }
  }

  /** A connection that does not answer, or not as it should, is of no use for the next call either. */
  async #ask<T>(call: (link: Link) => Promise<T>): Promise<T> {
    const link = this.#link;
    if (!link) throw unreachable();
    try {
      return await call(link);
    } catch (error) {
      const { message } = error as Error;
      if (!(error instanceof ReplyError) || OF_NO_USE.test(message)) this.#lose(link, error as Error);
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
    this.#options.log.warn({ replica: link.id, reason: why.message }, 'Redis was lost; rooms have to wait');
    this.#options.events.onLost();
    this.#tryLater();
  }
}

function disconnect({ commands, subscriber }: Pick<Link, 'commands' | 'subscriber'>): void {
  commands.disconnect();
  subscriber.disconnect();
}
