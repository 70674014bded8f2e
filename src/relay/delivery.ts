/** An event that every server of the installation must apply to its own sockets. */
export type Announcement =
  /** A key was registered for this Astation: an owner that has not proved it loses the room. */
  | { type: 'key-registered'; astationId: string }
  /** An operator removed this Astation's key: its verified socket must be closed. */
  | { type: 'key-forgotten'; astationId: string }
  /** A content write was committed in this work session (the `astation_id`). */
  | { type: 'vault-updated'; workSessionId: string; vaultId: string; seq: number };

/**
 * The sockets of this server. No method blocks or throws. Delivery is best effort: a frame for a closed socket
 * is dropped. Frames for one connection arrive in call order.
 */
export interface Delivery {
  /** Whether this server holds the socket and is not closing it. */
  has(connectionId: string): boolean;
  /** Queues a text frame for sockets. Each id appears once, and all sockets share one copy of the frame. */
  deliver(connectionIds: readonly string[], text: string): void;
  /** Closes a socket after its queued frames have been written. @param code one of `CLOSE` */
  close(connectionId: string, code: number, reason: string): void;
}
