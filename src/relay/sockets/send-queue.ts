/** Frames that may wait for one socket (contract, section 3). */
export const MAX_QUEUED_FRAMES = 1000;
/** UTF-8 bytes that may wait for one socket. */
export const MAX_QUEUED_BYTES = 4_000_000;
/** How long a queue may stay full before its socket is closed with 1013. */
export const MAX_FULL_MS = 10_000;

/** How much waits for one socket; the frames themselves wait wherever the socket keeps them. */
export interface SendQueue {
  readonly frames: number;
  readonly bytes: number;
  /** Since when, in ms, there has been no room; undefined while there is. */
  readonly fullSince: number | undefined;
}

export const EMPTY_QUEUE: SendQueue = { frames: 0, bytes: 0, fullSince: undefined };

/**
 * Takes a frame in, if there is room for it. A frame that is not accepted is lost, and from then on the queue
 * counts as full. `now` in ms, of any clock that only moves forward.
 */
export function enqueue(
  queue: SendQueue,
  frame: { bytes: number; now: number },
): { queue: SendQueue; accepted: boolean } {
  const frames = queue.frames + 1;
  const bytes = queue.bytes + frame.bytes;
  const accepted = frames <= MAX_QUEUED_FRAMES && bytes <= MAX_QUEUED_BYTES;
  // With nothing waiting nothing would ever clear the mark, and the receiver is not to blame.
  if (!accepted && queue.frames === 0) return { queue, accepted };
  if (!accepted) return { queue: { ...queue, fullSince: queue.fullSince ?? frame.now }, accepted };
  const full = frames === MAX_QUEUED_FRAMES || bytes === MAX_QUEUED_BYTES;
  return {
    queue: { frames, bytes, fullSince: full ? (queue.fullSince ?? frame.now) : queue.fullSince },
    accepted,
  };
}

/** A frame of `bytes` was written to the network. A client that takes even one frame is slow, not stalled. */
export function dequeue(queue: SendQueue, bytes: number): SendQueue {
  return { frames: queue.frames - 1, bytes: queue.bytes - bytes, fullSince: undefined };
}

/** Whether the socket is to be closed with 1013: its queue has been full for {@link MAX_FULL_MS}. */
export function isStalled(queue: SendQueue, now: number): boolean {
  return queue.fullSince !== undefined && now - queue.fullSince >= MAX_FULL_MS;
}
