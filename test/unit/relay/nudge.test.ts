import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createNudger, type Write } from '../../../src/relay/nudge.ts';

const write = (vaultId: string, seq: number): Write => ({ workSessionId: 'astation-1', vaultId, seq });

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('createNudger', () => {
  test('sends the newest seq of a vault 20 ms after its first write', () => {
    const send = vi.fn();
    const nudger = createNudger({ send });
    nudger.written(write('v-1', 1));
    vi.advanceTimersByTime(15);
    nudger.written(write('v-1', 3));
    nudger.written(write('v-1', 2));
    vi.advanceTimersByTime(4);
    expect(send).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(send.mock.calls).toEqual([[write('v-1', 3)]]);
  });

  test('starts again after a nudge, and keeps vaults separate', () => {
    const send = vi.fn();
    const nudger = createNudger({ send });
    nudger.written(write('v-1', 1));
    nudger.written(write('v-2', 9));
    vi.advanceTimersByTime(20);
    nudger.written(write('v-1', 2));
    vi.advanceTimersByTime(20);
    expect(send.mock.calls).toEqual([[write('v-1', 1)], [write('v-2', 9)], [write('v-1', 2)]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
    ['rejects', () => Promise.reject(new Error('down'))],
  ])('a send that %s is reported, and the next nudge goes out', async (_name, fails) => {
    const onError = vi.fn();
    const send = vi.fn<(write: Write) => void | Promise<void>>().mockImplementationOnce(fails);
    const nudger = createNudger({ send, onError });
    nudger.written(write('v-1', 1));
    await vi.advanceTimersByTimeAsync(20);
    expect(onError.mock.calls).toEqual([[new Error('down')]]);
    nudger.written(write('v-1', 2));
    await vi.advanceTimersByTimeAsync(20);
    expect(send).toHaveBeenLastCalledWith(write('v-1', 2));
  });

  test('nothing is thrown, even when timers and listeners fail', () => {
    const nudger = createNudger({
      send: vi.fn(),
      setTimer: () => {
        throw new Error('no timers');
      },
      onError: () => {
        throw new Error('no listeners');
      },
    });
    expect(() => nudger.written(write('v-1', 1))).not.toThrow();
  });

  test('close discards pending nudges and ignores later ones', () => {
    const send = vi.fn();
    const nudger = createNudger({ send });
    nudger.written(write('v-1', 1));
    nudger.close();
    nudger.written(write('v-1', 2));
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(100);
    expect(send).not.toHaveBeenCalled();
  });
});
