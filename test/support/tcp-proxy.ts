import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll } from 'vitest';
import { Database } from '../../src/db/client.ts';
import { silent, type TestDatabase } from './database.ts';

/** Passes connections on to another port, and can take that away as a network or a dead host does. */
export class TcpProxy {
  readonly #target: { host: string; port: number };
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #refusing = false;
  #onConnection: () => void = () => undefined;
  readonly #answering = new Set<Socket>();

  constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#server = createServer((client) => this.#accept(client));
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Sockets that are open, two for each connection. */
  get openSockets(): number {
    return this.#sockets.size;
  }

  #accept(client: Socket): void {
    this.#onConnection();
    if (this.#refusing) {
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.#target);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => undefined); // 'close' follows
      from.on('close', () => {
        this.#sockets.delete(from);
        this.#answering.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
    this.#answering.add(server);
  }

  /** Resolves when somebody connects, before that gets anywhere. */
  async nextConnection(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onConnection = resolve;
    });
  }

  /** Ends every connection that is open, in the middle of whatever it carries. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** From now on what the other port answers stays here, on the connections there are. */
  holdAnswers(): void {
    for (const server of this.#answering) server.unpipe().pause();
  }

  /** From now on nobody gets through, until `accept`. */
  refuse(): void {
    this.#refusing = true;
    this.cut();
  }

  accept(): void {
    this.#refusing = false;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }
}

/** The test file's database behind a proxy; `admin` goes past it. */
export function useProxiedDatabase(database: TestDatabase): TestDatabase & { proxy: TcpProxy } {
  const url = new URL(database.url);
  const proxy = new TcpProxy({ host: url.hostname, port: Number(url.port) || 5432 });
  const proxied = { proxy } as TestDatabase & { proxy: TcpProxy };
  beforeAll(async () => {
    await proxy.start();
    url.hostname = '127.0.0.1';
    url.port = String(proxy.port);
    proxied.url = url.href;
    proxied.db = new Database({ url: url.href, poolSize: 4, log: silent });
    proxied.admin = database.admin;
  });
  afterAll(async () => {
    await proxied.db.close();
    await proxy.stop();
  });
  return proxied;
}
