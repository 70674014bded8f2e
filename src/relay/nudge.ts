/** Writes to one vault within this window are coalesced into one nudge. */
export const NUDGE_WINDOW_MS = 20;

/** A committed content write. */
export interface Write {
  /** Work session of the vault: the `astation_id`. */
  workSessionId: string;
  vaultId: string;
  seq: number;
}

/** Dependencies of a nudger. Tests pass their own timers. */
export interface NudgerParts {
  /** Notifies the atems of the work session. May throw or reject, because a nudge is best effort. */
  send: (write: Write) => void | Promise<void>;
  setTimer?: (run: () => void, ms: number) => unknown;
  clearTimer?: (timer: never) => void;
  /** Called with the error of a failed nudge. */
  onError?: (error: unknown) => void;
  /** Called with the time in ms between the first write of a nudge and the nudge. */
  onSent?: (waitedMs: number) => void;
  /** ms of a clock that only moves forward */
  now?: () => number;
}

export interface Nudger {
  /** Call after the commit, never inside the transaction. Returns at once and never throws. */
  written(write: Write): void;
  /** Discards pending nudges and ignores later writes. */
  close(): void;
}

/**
 * Coalesces nudges per vault: sends the highest `seq` seen {@link NUDGE_WINDOW_MS} after the first write. Writes may be
 * reported out of order. A failed nudge is reported to `onError` only, because the write is already committed.
 */
export function createNudger(parts: NudgerParts): Nudger {
  const { setTimer = setTimeout, clearTimer = clearTimeout, now = () => performance.now() } = parts;
  const waiting = new Map<string, { newest: Write; since: number; timer: unknown }>();
  let closed = false;

  const failed = (error: unknown) => {
    try {
      parts.onError?.(error);
    } catch {
      // An error of `onError` must not reach the caller, because the write has succeeded.
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
