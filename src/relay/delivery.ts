/** What every server of this installation must hear about, whoever's socket it concerns. */
export type Announcement =
  /** A key became known for this Astation: whoever owns its room without proof no longer does. */
  | { type: 'key-registered'; astationId: string }
  /** An operator forgot this Astation's key: its verified socket must go. */
  | { type: 'key-forgotten'; astationId: string }
  /** A content write was committed in this work session (the `astation_id`). */
  | { type: 'vault-updated'; workSessionId: string; vaultId: string; seq: number };

/**
 * The sockets of this server. Nothing here waits and nothing throws: delivery is best effort, a socket that
 * is gone swallows its frames. Frames for one connection arrive in the order of the calls.
 */
export interface Delivery {
  /** Whether a socket is here and not on its way out. */
  has(connectionId: string): boolean;
  /** Queues a text frame for sockets, each of them named once. They share one copy of it. */
  deliver(connectionIds: readonly string[], text: string): void;
  /** Ends a socket once what was queued before is written. @param code one of `CLOSE` */
  close(connectionId: string, code: number, reason: string): void;
}
