/** Writes to one vault within this time become one nudge. */
export const NUDGE_WINDOW_MS = 20;

/** A committed content write. */
export interface Write {
  /** Work session of the vault: the `astation_id`. */
  workSessionId: string;
  vaultId: string;
  seq: number;
}

/** What a nudger needs; tests bring their own timers. */
export interface NudgerParts {
  /** Tells the atems of the work session. May throw or reject: a nudge is best effort. */
  send: (write: Write) => void | Promise<void>;
  setTimer?: (run: () => void, ms: number) => unknown;
  clearTimer?: (timer: never) => void;
  /** Hears about nudges that failed. */
  onError?: (error: unknown) => void;
  /** Hears how long the first write of a nudge has waited for it. */
  onSent?: (waitedMs: number) => void;
  /** ms of a clock that only moves forward */
  now?: () => number;
}

export interface Nudger {
  /** Call after the commit, never inside the transaction. Returns at once and never throws. */
  written(write: Write): void;
  /** Forgets the nudges that are still waiting; later writes are ignored. */
  close(): void;
}

/**
 * Coalesces nudges per vault: {@link NUDGE_WINDOW_MS} after the first write, the highest `seq` seen is sent.
 * Writes may be reported out of order. A failed nudge is reported to `onError` and to nobody else, since the
 * write stands.
 */
export function createNudger(parts: NudgerParts): Nudger {
  const { setTimer = setTimeout, clearTimer = clearTimeout, now = () => performance.now() } = parts;
  const waiting = new Map<string, { newest: Write; since: number; timer: unknown }>();
  let closed = false;

  const failed = (error: unknown) => {
    try {
      parts.onError?.(error);
    } catch {
      // Whoever listens to failures may fail too; the write must not hear of it.
    }
  };

  const fire = (vaultId: string) => {
    const entry = waiting.get(vaultId);
    waiting.delete(vaultId);
    if (!entry) return;
    try {
      Promise.resolve(parts.send(entry.newest)).catch(failed);
      parts.onSent?.(now() - entry.since);
    } catch (error) {
      failed(error);
    }
  };

  return {
    written(write) {
      if (closed) return;
      const entry = waiting.get(write.vaultId);
      if (entry) {
        if (write.seq > entry.newest.seq) entry.newest = write;
        return;
      }
      try {
        const timer = setTimer(() => fire(write.vaultId), NUDGE_WINDOW_MS);
        waiting.set(write.vaultId, { newest: write, since: now(), timer });
      } catch (error) {
        failed(error);
      }
    },
    close() {
      closed = true;
      for (const { timer } of waiting.values()) clearTimer(timer as never);
      waiting.clear();
    },
  };
}
