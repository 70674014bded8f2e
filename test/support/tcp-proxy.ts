import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll } from 'vitest';
import { Database } from '../../src/db/client.ts';
import { silent, type TestDatabase } from './database.ts';
import { makeMessageReader } from './postgres-messages.ts';

/** What a hold keeps back: announcements come on connections that sent LISTEN, answers on all others. */
export type Held = 'answers' | 'notices';

/**
 * A TCP proxy in front of a PostgreSQL, a Redis or a server. It passes everything on, until a test breaks the network or
 * the host behind it; `heal` ends what a test began. Connections that were broken stay broken.
 */
export class TcpProxy {
  #target: URL;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** The ends that answer. */
  readonly #answering = new WeakSet<Socket>();
  /** Connections that are open at both ends and pass nothing on. */
  readonly #dead = new WeakSet<Socket>();
  /** Connections to PostgreSQL that sent LISTEN. */
  readonly #listening = new WeakSet<Socket>();
  /** Connections whose next answer is lost. */
  readonly #losing = new WeakSet<Socket>();
  #refusing = false;
  /** What is sent and contains this text is swallowed; an empty text is in everything. */
  #frozen: string | undefined;
  /** The answer to what contains this text is lost. */
  #lost: string | undefined;
  #delayMs = 0;
  #roundTrips = 0;
  #onConnection: () => void = () => undefined;

  /** @param target URL of what stands behind the proxy */
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

  /** Resolves at the next connection, before it leads anywhere. */
  async nextConnection(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onConnection = resolve;
    });
  }

  /** Round trips to PostgreSQL since the last call: how often a client asked for an answer (Sync or a simple query). */
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
   * Swallows everything that is sent, and resets nothing, as a host does that lost its power.
   * @param text swallow only what contains it, with everything behind it on the same connection
   */
  freeze(text = ''): void {
    this.#frozen = text;
    if (text === '') for (const socket of this.#sockets) this.#dead.add(socket);
  }

  /**
   * Passes on what clients send, and resets the connection instead of its answer.
   * @param text lose only answers to what contains it
   */
  loseAnswers(text = ''): void {
    this.#lost = text;
  }

  /** Passes on what clients send, and keeps back what comes on the open connections. @throws Error when nobody listens */
  hold(held: Held): void {
    const sockets = [...this.#sockets].filter(
      (socket) => this.#answering.has(socket) && this.#listening.has(socket) === (held === 'notices'),
    );
    if (held === 'notices' && sockets.length === 0) throw new Error('Nobody listens for announcements');
    for (const socket of sockets) socket.pause();
  }

  /** Delays everything, each way. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Passes everything on again, also what was held. */
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
    // First, so that what is sent now is treated by what it says.
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

/** The test file's database behind a proxy; `admin` goes past it. */
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
