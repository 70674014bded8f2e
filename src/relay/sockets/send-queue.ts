/** Maximum frames in one socket's queue (contract, section 3). */
export const MAX_QUEUED_FRAMES = 1000;
/** Maximum UTF-8 bytes in one socket's queue. */
export const MAX_QUEUED_BYTES = 4_000_000;
/** How long a queue may stay full before its socket is closed with 1013. */
export const MAX_FULL_MS = 10_000;

/** The fill level of one socket's queue. `ws` keeps the frames themselves. */
export interface SendQueue {
  readonly frames: number;
  readonly bytes: number;
  /** When the queue became full, in ms; undefined while it is not full. */
  readonly fullSince: number | undefined;
}

export const EMPTY_QUEUE: SendQueue = { frames: 0, bytes: 0, fullSince: undefined };

/**
 * Adds a frame if it fits. A frame that is not accepted is dropped, and marks the queue as full. `now` is in ms of a
 * monotonic clock.
 */
export function enqueue(
  queue: SendQueue,
  frame: { bytes: number; now: number },
): { queue: SendQueue; accepted: boolean } {
  const frames = queue.frames + 1;
  const bytes = queue.bytes + frame.bytes;
  const accepted = frames <= MAX_QUEUED_FRAMES && bytes <= MAX_QUEUED_BYTES;
  // An empty queue is not marked as full, because no dequeue would ever clear the mark.
  if (!accepted && queue.frames === 0) return { queue, accepted };
  if (!accepted) return { queue: { ...queue, fullSince: queue.fullSince ?? frame.now }, accepted };
  const full = frames === MAX_QUEUED_FRAMES || bytes === MAX_QUEUED_BYTES;
  return {
    queue: { frames, bytes, fullSince: full ? (queue.fullSince ?? frame.now) : queue.fullSince },
    accepted,
  };
}

/** Removes a frame that was written to the network. Clears `fullSince`, because a client that reads is slow, not stalled. */
export function dequeue(queue: SendQueue, bytes: number): SendQueue {
  return { frames: queue.frames - 1, bytes: queue.bytes - bytes, fullSince: undefined };
}

/** Whether the queue has been full for {@link MAX_FULL_MS}, so that the socket must be closed with 1013. */
export function isStalled(queue: SendQueue, now: number): boolean {
  return queue.fullSince !== undefined && now - queue.fullSince >= MAX_FULL_MS;
}
