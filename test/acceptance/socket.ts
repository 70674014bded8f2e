import { once } from 'node:events';
import WebSocket from 'ws';

/** How long a frame may take; a server that answers at all answers sooner. */
const PATIENCE_MS = 5000;

export type Frame = Record<string, unknown>;

/** One WebSocket of the relay, its frames in the order they come. */
export class Socket {
  readonly #socket: WebSocket;
  readonly #frames: Frame[] = [];
  #wake: () => void = () => undefined;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      this.#frames.push(JSON.parse(String(data)) as Frame);
      this.#wake();
    });
  }

  /** @param query of `/ws`. @throws Error when the upgrade is refused */
  static async open(base: string, query: Record<string, string>): Promise<Socket> {
    const url = `${base.replace(/^http/, 'ws')}/ws?${new URLSearchParams(query)}`;
    const socket = new WebSocket(url);
    const opened = new Socket(socket);
    await once(socket, 'open');
    return opened;
  }

  send(frame: Frame): void {
    this.#socket.send(JSON.stringify(frame));
  }

  /** The next frame that fits. @throws Error when none comes in time */
  async next(fits: (frame: Frame) => boolean): Promise<Frame> {
    const deadline = setTimeout(() => this.#wake(), PATIENCE_MS);
    const from = performance.now();
    try {
      for (;;) {
        const index = this.#frames.findIndex(fits);
        const [frame] = index < 0 ? [] : this.#frames.splice(index, 1);
        if (frame) return frame;
        if (performance.now() - from >= PATIENCE_MS) throw new Error('No fitting frame came in time');
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(deadline);
    }
  }

  close(): void {
    this.#socket.close();
  }
}
