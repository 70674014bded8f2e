import underPressure from '@fastify/under-pressure';
import type { FastifyInstance } from 'fastify';
import { RelayError } from '../../errors.ts';
import type { Pressure } from '../../pressure-settings.ts';

/** A delay passes within seconds, and so does a heap that is about to be collected. */
const RETRY_AFTER_SECONDS = 2;

/** Refuses the requests of this scope while the process has more to do, or holds more, than it can. */
export async function installPressure(
  app: FastifyInstance,
  { eventLoopMs, heapBytes, rssBytes }: Pressure,
): Promise<void> {
  await app.register(underPressure, {
    maxEventLoopDelay: eventLoopMs,
    maxHeapUsedBytes: heapBytes,
    maxRssBytes: rssBytes,
    pressureHandler: async (request, _reply, type, value) => {
      // Of a second in which nothing could be measured the plugin thinks the worst.
      if (value === Number.POSITIVE_INFINITY) return;
      request.log.warn({ pressure: type, value }, 'Refused a request under pressure');
      throw new RelayError('SERVICE_UNAVAILABLE', 'The server is under too much load; try again shortly.', {
        retryAfter: RETRY_AFTER_SECONDS,
      });
    },
  });
}
