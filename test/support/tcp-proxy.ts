import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll } from 'vitest';
import { Database } from '../../src/db/client.ts';
import { silent, type TestDatabase } from './database.ts';
import { makeMessageReader } from './postgres-messages.ts';

/** The traffic that a hold delays. Notices arrive on connections that sent LISTEN, answers on all others. */
export type Held = 'answers' | 'notices';

/**
 * A TCP proxy in front of a PostgreSQL, a Redis or a server. It forwards everything until a test injects a fault. `heal`
 * ends the fault, but broken connections stay broken.
 */
export class TcpProxy {
  #target: URL;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** The server ends of the connections. */
  readonly #answering = new WeakSet<Socket>();
  /** Connections that are open at both ends but forward nothing. */
  readonly #dead = new WeakSet<Socket>();
  /** Connections to PostgreSQL that sent LISTEN. */
  readonly #listening = new WeakSet<Socket>();
  /** Connections whose next answer is lost. */
  readonly #losing = new WeakSet<Socket>();
  #refusing = false;
  /** Data with this text is discarded. The empty text matches all data. */
  #frozen: string | undefined;
  /** The answer to data with this text is lost. */
  #lost: string | undefined;
  #delayMs = 0;
  #roundTrips = 0;
  #onConnection: () => void = () => undefined;

  /** @param target URL of the server behind the proxy */
  constructor(target: string) {
    this.#target = new URL(target);
    this.#server = createServer((client) => this.#accept(client));
  }

  /** Makes a proxy and starts it. */
  static async to(target: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await proxy.start();
    return proxy;
  }

  /** @returns the URL of the target by way of the proxy */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this.url;
  }

  /** The URL of the target by way of the proxy. */
  get url(): string {
    const url = new URL(this.#target);
    url.hostname = '127.0.0.1';
    url.port = String((this.#server.address() as AddressInfo).port);
    return url.href;
  }

  /** New connections lead to this URL. */
  leadTo(target: string): void {
    this.#target = new URL(target);
  }

  /** Sockets that are open, two for each connection. */
  get openSockets(): number {
    return this.#sockets.size;
  }

  /** Resolves at the next connection, before the proxy connects it to the target. */
  async nextConnection(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onConnection = resolve;
    });
  }

  /** Round trips to PostgreSQL since the last call: the number of Sync messages and simple queries. */
  takeRoundTrips(): number {
    const taken = this.#roundTrips;
    this.#roundTrips = 0;
    return taken;
  }

  /** Resets every open connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Resets every open and every new connection. */
  refuse(): void {
    this.#refusing = true;
    this.cut();
  }

  /**
   * Discards all data without a reset, like a host that lost power.
   * @param text discards only data with this text, and everything after it on the same connection
   */
  freeze(text = ''): void {
    this.#frozen = text;
    if (text === '') for (const socket of this.#sockets) this.#dead.add(socket);
  }

  /**
   * Forwards requests, and resets the connection instead of forwarding the answer.
   * @param text loses only answers to data with this text
   */
  loseAnswers(text = ''): void {
    this.#lost = text;
  }

  /** Forwards requests, and holds back the traffic to clients on the open connections. @throws Error without a listening connection */
  hold(held: Held): void {
    const sockets = [...this.#sockets].filter(
      (socket) => this.#answering.has(socket) && this.#listening.has(socket) === (held === 'notices'),
    );
    if (held === 'notices' && sockets.length === 0) throw new Error('Nobody listens for announcements');
    for (const socket of sockets) socket.pause();
  }

  /** Delays all data in both directions. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Forwards everything again, including held data. */
  heal(): void {
    this.#refusing = false;
    this.#frozen = undefined;
    this.#lost = undefined;
    this.#delayMs = 0;
    for (const socket of this.#sockets) if (!this.#dead.has(socket)) socket.resume();
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  #accept(client: Socket): void {
    this.#onConnection();
    if (this.#refusing) {
      client.resetAndDestroy();
      return;
    }
    if (this.#frozen === '') {
      this.#keep(client, client);
      this.#dead.add(client);
      return;
    }
    const isPostgres = this.#target.protocol.startsWith('postgres');
    const server = connect(Number(this.#target.port) || 5432, this.#target.hostname);
    this.#answering.add(server);
    this.#keep(client, server);
    this.#keep(server, client);
    // Must come first, so that the content of a chunk decides how the proxy handles that chunk.
    client.on('data', (chunk) => this.#read(chunk, client, server));
    if (isPostgres)
      client.on(
        'data',
        makeMessageReader((type) => this.#count(type)),
      );
    this.#pass(client, server);
    this.#pass(server, client);
  }

  #count(type: string): void {
    if (type === 'S' || type === 'Q') this.#roundTrips++;
  }

  #read(chunk: Buffer, client: Socket, server: Socket): void {
    if (chunk.includes('LISTEN ')) this.#listening.add(server);
    if (this.#lost && chunk.includes(this.#lost)) this.#losing.add(server);
    if (this.#frozen && chunk.includes(this.#frozen)) this.#dead.add(client).add(server);
  }

  #keep(socket: Socket, other: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined); // 'close' follows
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (!this.#dead.has(socket)) other.destroy();
    });
  }

  #isLost(from: Socket): boolean {
    return this.#answering.has(from) && (this.#lost === '' || this.#losing.has(from));
  }

  #pass(from: Socket, to: Socket): void {
    from.on('data', (chunk) => {
      if (this.#dead.has(from)) return;
      if (this.#isLost(from)) {
        from.resetAndDestroy();
        to.resetAndDestroy();
        return;
      }
      if (this.#delayMs > 0) {
        setTimeout(() => to.write(chunk), this.#delayMs);
      } else if (!to.write(chunk)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
    });
  }
}

/** The test file's database behind a proxy. `admin` bypasses the proxy. */
export function useProxiedDatabase(database: TestDatabase): TestDatabase & { proxy: TcpProxy } {
  const proxy = new TcpProxy(database.url);
  const proxied = { proxy } as TestDatabase & { proxy: TcpProxy };
  beforeAll(async () => {
    proxied.url = await proxy.start();
    proxied.db = new Database({ url: proxied.url, poolSize: 4, log: silent });
    proxied.admin = database.admin;
  });
  afterAll(async () => {
    await proxied.db.close();
    await proxy.stop();
  });
  return proxied;
}
