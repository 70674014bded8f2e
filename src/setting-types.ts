import { z } from 'zod';

/** A whole number of an environment variable, from `min` to `max`. */
export const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`));

/** The same for a limit that 0 turns off. Below `least` it would keep out what every client needs. */
export const limit = (least: number, max: number) =>
  integer(0, max).refine((value) => value === 0 || value >= least, `must be 0, or at least ${least}`);
