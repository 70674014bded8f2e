import type { FastifyBaseLogger } from 'fastify';
import pg from 'pg';

export interface ListenerOptions {
  url: string;
  /** The handlers of messages, by channel. */
  channels: Record<string, (payload: string) => void>;
  log: FastifyBaseLogger;
  /** The connection was lost. Messages may be missed until `onListening`. */
  onDisconnected(): void;
  onListening(): void;
}

const RECONNECT_MS = 500;
/** A heartbeat is needed, because a connection that broke silently is noticed only when it is used. */
const HEARTBEAT_MS = 3000;
const ANSWER_MS = 3000;

/** Receives `NOTIFY` messages over a dedicated connection, and reconnects when that is lost. */
export class Listener {
  readonly #options: ListenerOptions;
  #client: pg.Client | undefined;
  #attempt: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** Resolves once it listens. @throws the driver's error if the first connection fails */
  async start(): Promise<void> {
    await this.#connect();
  }

  async #connect(): Promise<void> {
    const { url, channels, onListening } = this.#options;
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: 2000,
      query_timeout: ANSWER_MS,
      keepAlive: true,
      application_name: 'vault-relay listener',
    });
    client.on('error', () => undefined); // 'end' follows, or the call in flight rejects
    client.on('notification', ({ channel, payload }) => channels[channel]?.(payload ?? ''));
    try {
      await client.connect();
      for (const channel of Object.keys(channels)) {
        await client.query(`LISTEN ${client.escapeIdentifier(channel)}`);
      }
    } catch (error) {
      client.end().catch(() => undefined); // the reason is thrown
      throw error;
    }
    const heartbeat = setInterval(() => {
      // A connection that does not answer is closed, and its end is logged.
      client.query('SELECT 1').catch(() => client.end().catch(() => undefined));
    }, HEARTBEAT_MS).unref();
    client.on('end', () => {
      clearInterval(heartbeat);
      this.#lose();
    });
    this.#client = client;
    if (!this.#closed) onListening();
  }

  #lose(): void {
    if (this.#closed) return;
    this.#client = undefined;
    this.#options.onDisconnected();
    this.#reconnectLater();
  }

  #reconnectLater(): void {
    this.#timer = setTimeout(() => {
      this.#attempt = this.#connect().catch((error: Error) => {
        this.#options.log.debug({ reason: error.message }, 'The listening connection is still down');
        if (!this.#closed) this.#reconnectLater();
      });
    }, RECONNECT_MS);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    // Otherwise a connection attempt in flight would outlive its owner.
    await this.#attempt;
    await this.#client?.end();
  }
}
