import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import type { z } from 'zod';
import { integer } from './setting-types.ts';

/** The variables of the limits under load, with their defaults. */
export const PRESSURE_VARIABLES = {
  PRESSURE_EVENT_LOOP_MS: integer(0, 60_000).default(500),
  PRESSURE_HEAP_MB: integer(0, 1_048_576).optional(),
  PRESSURE_RSS_MB: integer(0, 1_048_576).optional(),
};

type Variables = z.output<z.ZodObject<typeof PRESSURE_VARIABLES>>;

/** Limits above which the server refuses requests to protect itself; 0 turns a limit off. */
export interface Pressure {
  /** Mean event loop delay over one second. */
  eventLoopMs: number;
  heapBytes: number;
  rssBytes: number;
}

/** Default limit of the heap, as a fraction of Node's heap limit. */
const HEAP_SHARE = 0.9;

/** Default limit of resident memory, as a fraction of the memory of the machine or container. */
const MEMORY_SHARE = 0.8;

/** Memory available to this process in bytes: the container's limit or the machine's memory, whichever is smaller. */
function availableMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}

const MEGABYTE = 1_048_576;

/** Maps the parsed variables to limits. Memory limits default to fractions of Node's and the machine's limits. */
export const readPressure = (v: Variables): Pressure => ({
  eventLoopMs: v.PRESSURE_EVENT_LOOP_MS,
  heapBytes:
    v.PRESSURE_HEAP_MB === undefined
      ? Math.floor(HEAP_SHARE * getHeapStatistics().heap_size_limit)
      : v.PRESSURE_HEAP_MB * MEGABYTE,
  rssBytes:
    v.PRESSURE_RSS_MB === undefined
      ? Math.floor(MEMORY_SHARE * availableMemory())
      : v.PRESSURE_RSS_MB * MEGABYTE,
});
