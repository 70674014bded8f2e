import Fastify from 'fastify';
import { afterEach, expect, test, vi } from 'vitest';
import { mountHealth } from '../../src/http/ops/health.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('/health shares one probe of the database a second, whether it succeeds or fails', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  let probes = 0;
  const app = Fastify();
  mountHealth(app, {
    pingDatabase: async () => {
      probes++;
      if (probes === 2) throw new Error('away');
    },
    isStopping: () => false,
    searchLag: () => 0,
    version: 'test',
  });
  const ask = async () => {
    const paths = ['/health', '/health/ready', '/health', '/health/live'];
    const answers = await Promise.all(paths.map((url) => app.inject({ url })));
    return answers.map(({ statusCode }) => statusCode);
  };
  expect([await ask(), probes]).toEqual([[200, 200, 200, 200], 1]);
  vi.advanceTimersByTime(999);
  expect([await ask(), probes]).toEqual([[200, 200, 200, 200], 1]);
  vi.advanceTimersByTime(1);
  expect([await ask(), probes]).toEqual([[503, 503, 503, 200], 2]);
  vi.advanceTimersByTime(1000);
  expect([await ask(), probes]).toEqual([[200, 200, 200, 200], 3]);
  await app.close();
});
