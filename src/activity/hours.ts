import type { ActivityHours, What } from './schema.ts';

/** The rows of one vault in one hour. */
export interface HourRow {
  start: string;
  counted_at: string;
  /** Whether there are more rows or vaults than were counted. */
  cut: boolean;
  vault_id: string;
  vault: string;
  what: Exclude<What, 'read'>;
  hour: number;
  rows: number;
}

/** Most vaults that are shown with their hours. */
const SHOWN_VAULTS = 100;

/** Sums the counts of all vaults. Without rows the last hour is that of `now`. */
export function foldHours(rows: readonly HourRow[], hours: number, now = new Date()): ActivityHours {
  const perHour = Array.from({ length: hours }, () => ({ created: 0, wrote: 0, edited: 0, summed_up: 0 }));
  const perVault = new Map<string, ActivityHours['vaults'][number]>();
  for (const { vault_id, vault, what, hour, rows: count } of rows) {
    const counts = perHour[hour];
    // The next hour may begin while the statement runs.
    if (!counts) continue;
    counts[what] += count;
    const own = perVault.get(vault_id) ?? { vault_id, vault, rows: 0, hours: perHour.map(() => 0) };
    perVault.set(vault_id, own);
    own.rows += count;
    own.hours[hour] = (own.hours[hour] ?? 0) + count;
  }
  const vaults = [...perVault.values()].toSorted((a, b) => b.rows - a.rows).slice(0, SHOWN_VAULTS);
  const { start = startOf(hours, now), counted_at = toWire(now), cut = false } = rows[0] ?? {};
  return { start, counted_at, hours: perHour, vaults, cut };
}

const toWire = (time: Date): string => time.toISOString().replace('Z', '000Z');

function startOf(hours: number, now: Date): string {
  const start = new Date(now.getTime() - (hours - 1) * 3_600_000);
  start.setUTCMinutes(0, 0, 0);
  return toWire(start);
}
