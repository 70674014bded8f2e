import underPressure from '@fastify/under-pressure';
import type { FastifyInstance } from 'fastify';
import { RelayError } from '../../errors.ts';
import type { Pressure } from '../../pressure-settings.ts';

/** Event loop delay and a full heap usually recover within seconds. */
const RETRY_AFTER_SECONDS = 2;

/** Refuses the requests of this scope while the process exceeds its limits of event loop delay or memory. */
export async function installPressure(
  app: FastifyInstance,
  { eventLoopMs, heapBytes, rssBytes }: Pressure,
): Promise<void> {
  await app.register(underPressure, {
    maxEventLoopDelay: eventLoopMs,
    maxHeapUsedBytes: heapBytes,
    maxRssBytes: rssBytes,
    pressureHandler: async (request, _reply, type, value) => {
      // The plugin reports infinity for a second without a measurement.
      if (value === Number.POSITIVE_INFINITY) return;
      request.log.warn({ pressure: type, value }, 'Refused a request under pressure');
      throw new RelayError('SERVICE_UNAVAILABLE', 'The server is under too much load; try again shortly.', {
        retryAfter: RETRY_AFTER_SECONDS,
      });
    },
  });
}
