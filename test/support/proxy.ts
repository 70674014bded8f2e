import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

interface Address {
  host: string;
  port: number;
}

/** Passes connections on to another port, and can take that away as a network or a dead host does. */
export class TcpProxy {
  #target: Address;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** The ends that answer. */
  readonly #answering = new WeakSet<Socket>();
  /** Connections that are open at both ends and carry nothing any more. */
  readonly #dead = new WeakSet<Socket>();
  /** Connections to PostgreSQL that listen for announcements. */
  readonly #listening = new WeakSet<Socket>();
  /** Connections whose next answer is lost. */
  readonly #losing = new WeakSet<Socket>();
  #refusing = false;
  #frozen = false;
  #losingAnswers = false;
  #losingAnswersTo: string | undefined;
  #swallowing: string | undefined;
  #delayMs = 0;
  #onConnection: () => void = () => undefined;

  constructor(target: Address) {
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
    if (this.#frozen) {
      this.#keep(client, client);
      this.#dead.add(client);
      return;
    }
    const server = connect(this.#target);
    this.#answering.add(server);
    this.#keep(client, server);
    this.#keep(server, client);
    // First, so that what is sent now is treated by what it says.
    client.on('data', (chunk) => this.#read(chunk, client, server));
    this.#pass(client, server);
    this.#pass(server, client, () => this.#losingAnswers || this.#losing.has(server));
  }

  #read(chunk: Buffer, client: Socket, server: Socket): void {
    if (chunk.includes('LISTEN ')) this.#listening.add(server);
    if (this.#losingAnswersTo !== undefined && chunk.includes(this.#losingAnswersTo))
      this.#losing.add(server);
    if (this.#swallowing !== undefined && chunk.includes(this.#swallowing))
      this.#dead.add(client).add(server);
  }

  #keep(socket: Socket, other: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined); // 'close' follows
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (!this.#dead.has(socket)) other.destroy();
    });
  }

  #pass(from: Socket, to: Socket, isLost = () => false): void {
    from.on('data', (chunk) => {
      if (this.#dead.has(from)) return;
      if (isLost()) {
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

  /** Resolves when somebody connects, before that gets anywhere. */
  async nextConnection(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onConnection = resolve;
    });
  }

  /** New connections go there. */
  leadTo(target: Address): void {
    this.#target = target;
  }

  /** Ends every connection that is open, in the middle of whatever it carries. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** From now on nobody gets through, until `accept`. */
  refuse(): void {
    this.#refusing = true;
    this.cut();
  }

  accept(): void {
    this.#refusing = false;
  }

  /** From now on everything that is sent is swallowed and nobody is told, until `thaw`; what was open stays dead. */
  freeze(): void {
    this.#frozen = true;
    for (const socket of this.#sockets) this.#dead.add(socket);
  }

  thaw(): void {
    this.#frozen = false;
    this.#swallowing = undefined;
  }

  /** On the connections there are, what clients send arrives, and no answer comes. */
  holdAnswers(): void {
    for (const socket of this.#sockets) if (this.#answering.has(socket)) this.#dead.add(socket);
  }

  /** What clients send arrives, announcements come, and answers wait until `releaseAnswers`. */
  pauseAnswers(): void {
    for (const socket of this.#answersOfStatements()) socket.pause();
  }

  releaseAnswers(): void {
    for (const socket of this.#answersOfStatements()) socket.resume();
  }

  #answersOfStatements(): Socket[] {
    return [...this.#sockets].filter((socket) => this.#answering.has(socket) && !this.#listening.has(socket));
  }

  /** What clients send arrives, and a connection breaks as soon as it is answered; until `keepAnswers`. */
  loseAnswers(): void {
    this.#losingAnswers = true;
  }

  /** The same, but only for what has this text in it: everything else works. */
  loseAnswersTo(text: string): void {
    this.#losingAnswersTo = text;
  }

  keepAnswers(): void {
    this.#losingAnswers = false;
    this.#losingAnswersTo = undefined;
  }

  /** What has this text in it is swallowed with everything behind it, and nobody is told; until `thaw`. */
  swallow(text: string): void {
    this.#swallowing = text;
  }

  /** Everything takes so much longer, each way. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }
}
