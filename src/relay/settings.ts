import type { z } from 'zod';
import { limit } from '../setting-types.ts';

/** A set of 1,000 new sessions, the largest control frame, counts for 1,011. */
const LEAST_CONTROL = 1100;
const LEAST_FRAMES = 100;

/** How much more all sockets of an address may do together than one of them. */
const CONTROL_OF_ADDRESS = 3;
const FRAMES_OF_ADDRESS = 2;

/** The variables of the relay's limits, with their defaults. */
export const RELAY_LIMIT_VARIABLES = {
  RELAY_CONTROL_PER_MINUTE: limit(LEAST_CONTROL, 1_000_000).default(3000),
  RELAY_CONTROL_PER_ADDRESS: limit(LEAST_CONTROL, 10_000_000).optional(),
  RELAY_FRAMES_PER_SECOND: limit(LEAST_FRAMES, 1_000_000).default(2000),
  RELAY_FRAMES_PER_ADDRESS: limit(LEAST_FRAMES, 10_000_000).optional(),
  RELAY_UNPROVED_PER_SECOND: limit(LEAST_FRAMES, 1_000_000).default(1000),
};

type Variables = z.output<z.ZodObject<typeof RELAY_LIMIT_VARIABLES>>;

/** How much sockets may send; 0: no limit. */
export interface RelayLimitSettings {
  /** Control frames and the rows that they make, in a minute: of one socket, and of one Astation. */
  controlPerMinute: number;
  /** The same of one address. */
  controlPerAddress: number;
  /** Frames in a second, by each KiB begun: of one socket that proved whose it is. */
  framesPerSecond: number;
  /** The same of one address, and of one room. */
  framesPerAddress: number;
  /** The same of all sockets without proof of one address, and of one room. */
  unprovedPerSecond: number;
}

/** Reads the limits out of the parsed variables. */
export const readRelayLimits = (v: Variables): RelayLimitSettings => ({
  controlPerMinute: v.RELAY_CONTROL_PER_MINUTE,
  controlPerAddress: v.RELAY_CONTROL_PER_ADDRESS ?? CONTROL_OF_ADDRESS * v.RELAY_CONTROL_PER_MINUTE,
  framesPerSecond: v.RELAY_FRAMES_PER_SECOND,
  framesPerAddress: v.RELAY_FRAMES_PER_ADDRESS ?? FRAMES_OF_ADDRESS * v.RELAY_FRAMES_PER_SECOND,
  unprovedPerSecond: v.RELAY_UNPROVED_PER_SECOND,
});
