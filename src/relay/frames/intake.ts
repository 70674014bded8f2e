import type { WebSocket } from 'ws';
import type { FrameMeter } from './meter.ts';
import { MAX_FRAME_BYTES } from './protocol.ts';

/** Frames of one socket that may be pending. Their bytes are limited by {@link MAX_FRAME_BYTES}. */
const MAX_WAITING_FRAMES = 16;

/**
 * Reads text frames from a socket. Applies back-pressure (pauses the socket) to a sender that is too fast or over its
 * limits.
 * @param handle resolves when it can accept another frame; must not reject
 */
export function takeFrames(
  socket: WebSocket,
  meter: FrameMeter,
  handle: (text: string) => Promise<void>,
): void {
  let [frames, bytes] = [0, 0];
  const isFull = () => frames >= MAX_WAITING_FRAMES || bytes >= MAX_FRAME_BYTES;
  const take = (size: number, work: () => Promise<void> | undefined) => {
    const pass = meter.take(size);
    const worked = pass ? pass.then((may) => (may ? work() : undefined)) : work();
    if (!worked) return;
    frames++;
    bytes += size;
    if (isFull()) socket.pause();
    void worked.finally(() => {
      const wasFull = isFull();
      frames--;
      bytes -= size;
      if (wasFull && !isFull()) socket.resume();
    });
  };
  socket.on('message', (data: Buffer, isBinary) => {
    take(data.length, () => (isBinary ? undefined : handle(String(data))));
  });
  // Pings and pongs count too, because `ws` answers each ping.
  const signal = (data: Buffer) => take(data.length, () => undefined);
  socket.on('ping', signal).on('pong', signal);
}
