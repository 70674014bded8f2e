import type { z } from 'zod';
import { limit } from '../setting-types.ts';

/** Must exceed 1,011, the points of the largest control frame (a set of 1,000 new sessions). */
const LEAST_CONTROL = 1100;
const LEAST_FRAMES = 100;

/** The default limit of an address, as a multiple of the limit of one socket. */
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

/** Rate limits of sockets, in points; 0 turns a limit off. */
export interface RelayLimitSettings {
  /** Control frames plus the rows they create, per minute: for one socket, and for one Astation. */
  controlPerMinute: number;
  /** Control frames plus the rows they create, per minute, for one address. */
  controlPerAddress: number;
  /** Frames per second, each counted once per KiB begun, for one socket that has proved its key or session. */
  framesPerSecond: number;
  /** The same for all such sockets of one address, and of one room. */
  framesPerAddress: number;
  /** The same for all unproved sockets of one address, and of one room. */
  unprovedPerSecond: number;
}

/** Maps the parsed variables to limits. */
export const readRelayLimits = (v: Variables): RelayLimitSettings => ({
  controlPerMinute: v.RELAY_CONTROL_PER_MINUTE,
  controlPerAddress: v.RELAY_CONTROL_PER_ADDRESS ?? CONTROL_OF_ADDRESS * v.RELAY_CONTROL_PER_MINUTE,
  framesPerSecond: v.RELAY_FRAMES_PER_SECOND,
  framesPerAddress: v.RELAY_FRAMES_PER_ADDRESS ?? FRAMES_OF_ADDRESS * v.RELAY_FRAMES_PER_SECOND,
  unprovedPerSecond: v.RELAY_UNPROVED_PER_SECOND,
});
