import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Passes connections on to PostgreSQL, and can keep what is told to those that listen for announcements. */
export class LateNotices {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #listening = new Set<Socket>();

  constructor(target: { host: string; port: number }) {
    this.#server = createServer((client) => {
      const database = connect(target);
      for (const socket of [client, database]) {
        this.#sockets.add(socket);
        socket.on('error', () => undefined); // 'close' follows
        socket.once('close', () => {
          client.destroy();
          database.destroy();
        });
      }
      client.on('data', (chunk) => {
        if (chunk.includes('LISTEN ')) this.#listening.add(database);
        database.write(chunk);
      });
      database.on('data', (chunk) => client.write(chunk));
    });
  }

  /** @returns the address of the database by this way */
  async start(databaseUrl: string): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const url = new URL(databaseUrl);
    url.hostname = '127.0.0.1';
    url.port = String((this.#server.address() as AddressInfo).port);
    return url.href;
  }

  /** From now on nothing that is announced arrives, until `release`. */
  hold(): void {
    if (this.#listening.size === 0) throw new Error('Nobody listens for announcements');
    for (const socket of this.#listening) socket.pause();
  }

  release(): void {
    for (const socket of this.#listening) socket.resume();
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
