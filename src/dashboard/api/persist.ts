import { connection } from './connection.ts';
import { isPassing, problemOf, retryDelayOf } from './problem.ts';

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Calls again while what keeps the server from answering passes.
 * @param onFailure is told of each failure before the next call
 * @throws the error of a call that was refused, or did not get through
 */
export async function persist<T>(call: () => Promise<T>, onFailure: (error: unknown) => void): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await call();
    } catch (error) {
      if (!isPassing(failures, error)) throw error;
      const ms = retryDelayOf(failures, error);
      onFailure(error);
      await wait(ms);
    }
  }
}

/** As `persist`, and waits for a server that is out of reach. @throws the error of a call that was refused */
export async function persistUntilReached<T>(
  call: () => Promise<T>,
  onFailure: (error: unknown) => void,
): Promise<T> {
  for (;;) {
    try {
      return await persist(call, onFailure);
    } catch (error) {
      if (problemOf(error) !== 'unreachable') throw error;
      onFailure(error);
      await connection.waitUntilBack();
    }
  }
}
