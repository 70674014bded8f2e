/** The colour and style of a writer's dot. */
export interface Colour {
  /** Degrees on the colour wheel. */
  hue: number;
  /** Neighbours on the wheel also differ in how light they are. */
  light: number;
  /** Whether the dot is hollow, for writers beyond the first dozen. */
  hollow: boolean;
}

const HUES = 12;
/** Full dots and hollow ones. */
const SLOTS = 2 * HUES;
/** The preferred distance between the hues of two writers. */
const APART = 2;

/** Scatters names over the slots, also those that differ in their last letter only. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const character of name) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  // The multiplications above leave the low bits of similar names alike; these mix all of them.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Distance of a hue from the nearest used one. */
function distanceOf(slot: number, taken: readonly number[]): number {
  return taken.reduce((least, other) => {
    const steps = Math.abs(slot - other) % HUES;
    return Math.min(least, steps, HUES - steps);
  }, HUES);
}

/** @returns the slot that the name asks for, or the one that is farthest from those taken */
function chooseSlot(name: string, taken: readonly number[]): number {
  const wanted = hashOf(name) % HUES;
  if (taken.length >= SLOTS || distanceOf(wanted, taken) >= APART) return wanted;
  const hollow = taken.length >= HUES ? HUES : 0;
  const rivals = taken.filter((slot) => slot >= hollow);
  const around = Array.from({ length: HUES }, (_, i) => (wanted + i) % HUES);
  const best = around.reduce((a, b) => (distanceOf(b, rivals) > distanceOf(a, rivals) ? b : a));
  return best + hollow;
}

/**
 * Gives the writers of a vault colours that can be told apart: the same for everybody who looks at these writers, and
 * distinct for two dozen of them.
 */
export function coloursOf(names: readonly string[]): ReadonlyMap<string, Colour> {
  const taken: number[] = [];
  const colours = new Map<string, Colour>();
  for (const name of [...new Set(names)].sort()) {
    const slot = chooseSlot(name, taken);
    taken.push(slot);
    colours.set(name, {
      hue: (slot % HUES) * (360 / HUES),
      light: slot % 2 === 0 ? 0.6 : 0.74,
      hollow: slot >= HUES,
    });
  }
  return colours;
}
