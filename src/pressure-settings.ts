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

/** Beyond which the server refuses requests before it suffers; 0: no limit. */
export interface Pressure {
  /** Mean delay of the event loop over a second. */
  eventLoopMs: number;
  heapBytes: number;
  rssBytes: number;
}

/** What of Node's own limit the heap may fill before requests are refused. */
const HEAP_SHARE = 0.9;

/** What of the memory of the machine or container the process may hold before requests are refused. */
const MEMORY_SHARE = 0.8;

/** Bytes that this process may have: the limit of its container, where there is one below the machine's memory. */
function availableMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}

const MEGABYTE = 1_048_576;

/** Reads the limits out of the parsed variables. Those of memory follow from Node and the machine by default. */
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
