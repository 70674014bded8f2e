import { expect, test } from 'vitest';
import { judgeMemory, type MemorySample } from '../soak/memory.ts';

const MB = 1_048_576;

/** Ten minutes, a sample every two seconds. */
const soak = (at: (minute: number) => { resident: number; heap: number }): MemorySample[] =>
  Array.from({ length: 301 }, (_, n) => ({ seconds: 2 * n, ...at(n / 30) }));

test('a server that warms up and then stays constant is flat', () => {
  const samples = soak((minute) => ({
    resident: (minute < 2 ? 80 + 60 * minute : 200) * MB,
    // Between two collections garbage comes on top.
    heap: (minute < 2 ? 30 + 10 * minute : 50 + ((minute * 7) % 40)) * MB,
  }));
  expect(judgeMemory(samples)).toMatchObject({
    flat: true,
    start: { seconds: 120, resident: 200 * MB },
    middle: { seconds: 300 },
    end: { seconds: 480, resident: 200 * MB },
  });
});

test.each([
  ['resident memory', (minute: number) => ({ resident: (200 + 15 * minute) * MB, heap: 50 * MB })],
  ['the heap', (minute: number) => ({ resident: 200 * MB, heap: (50 + 8 * minute) * MB })],
])('%s that grows all the time is not flat', (_, at) => {
  expect(judgeMemory(soak(at)).flat).toBe(false);
});

test('a soak that is too short reports it', () => {
  expect(() => judgeMemory([])).toThrow('let it run longer');
  expect(() => judgeMemory([{ seconds: 1, resident: 1, heap: 1 }])).toThrow('let it run longer');
});
