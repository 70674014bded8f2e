import { z } from 'zod';
import { timestamp } from '../wire.ts';

/** What happened: a vault was created, an entry written or edited, a vault summed up, or read from another work session. */
export const WHAT = ['created', 'wrote', 'edited', 'summed_up', 'read'] as const;
export const What = z.enum(WHAT);
export type What = z.output<typeof What>;

const workSession = z.string();

/** Something that happened in a vault. `vault_id` and `n` identify it. */
export const ActivityRow = z.object({
  /** The `seq` of the row of the vault. Negative: a read from outside. */
  n: z.int(),
  at: timestamp,
  what: What,
  vault_id: z.string(),
  /** The beginning of the vault's summary. */
  vault: z.string(),
  work_session_id: workSession,
  /** Who wrote, or read. */
  client_id: z.string(),
  author: z.string().exactOptional(),
  entry_no: z.int().exactOptional(),
  version: z.int().exactOptional(),
  tags: z.string().array().exactOptional(),
  /** The beginning of the text. */
  snippet: z.string().exactOptional(),
  /** Whether the text is longer than the snippet. */
  cut: z.literal(true).exactOptional(),
  /** Where the reader from outside belongs. */
  reader_work_session_id: workSession.exactOptional(),
});
export type ActivityRow = z.output<typeof ActivityRow>;

export const ActivityPage = z.object({
  rows: ActivityRow.array(),
  /** The cursor of the page before, which may be empty; null: nothing older was found. */
  before: z.string().nullable(),
});
export type ActivityPage = z.output<typeof ActivityPage>;

const count = z.int().min(0);

/** Rows by hour, the oldest first. */
const PerHour = z.object({
  created: count,
  wrote: count,
  edited: count,
  summed_up: count,
});

export const ActivityHours = z.object({
  /** When the first hour began. */
  start: timestamp,
  /** When the rows were counted. */
  counted_at: timestamp,
  hours: PerHour.array(),
  /** The vaults with the most rows, with all rows of each hour. */
  vaults: z.array(z.object({ vault_id: z.string(), vault: z.string(), rows: count, hours: count.array() })),
  /** Whether there are more rows than were counted. */
  cut: z.boolean(),
});
export type ActivityHours = z.output<typeof ActivityHours>;

/** How a client is connected. */
export const Via = z.enum(['socket', 'mcp', 'rest', 'trpc', 'dashboard']);
export type Via = z.output<typeof Via>;

/** Somebody who is connected, or called in the last minutes. */
export const Present = z.object({
  work_session_id: workSession,
  client_id: z.string(),
  author: z.string().exactOptional(),
  via: Via.array(),
  /** Whether a socket or a stream is open. */
  connected: z.boolean(),
  /** The time of the last call to ten seconds, by the clock of the server. */
  seen_at: z.string().exactOptional(),
  /** What the client wrote last, if that was in the last minutes. */
  wrote: z
    .object({
      vault_id: z.string(),
      entry_no: z.int(),
      version: z.int(),
      at: z.string(),
    })
    .exactOptional(),
});
export type Present = z.output<typeof Present>;

export const Presence = z.object({
  /** Whose callers are shown: those of this server alone, or of the only server. Sockets and writers are of all servers. */
  servers: z.enum(['this', 'all']),
  /** Work sessions whose Astation is connected. */
  astations: workSession.array(),
  clients: Present.array(),
});
export type Presence = z.output<typeof Presence>;

/** What a stream tells. `at` is the time (µs since 1970) from which a client resumes. */
export type ActivityEvent = { at: number } & (
  | { type: 'rows'; rows: ActivityRow[] }
  | { type: 'present'; present: Presence | null }
  /** Rows may be missing: load the page again. */
  | { type: 'gap' }
);
