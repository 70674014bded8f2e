import { Command, InvalidArgumentError } from 'commander';
import type pg from 'pg';
import { streamRows, withSnapshot } from '../db/connection.ts';
import { type CommandDeps, writeTo } from './transfer.ts';
import { withConnectionToDatabase } from './with-database.ts';

/** A row of the audit log, as `--json` prints it. */
export interface AuditRow {
  at: string;
  action: string;
  outcome: string;
  vault_id: string | null;
  seq: number | null;
  work_session_id: string | null;
  client_id: string | null;
  session: string | null;
  request_id: string | null;
  address: string | null;
}

export interface AuditOptions {
  since: Date;
  until?: Date | undefined;
  vault?: string | undefined;
  workSession?: string | undefined;
  action?: string | undefined;
}

/** `$1` since, `$2` until, `$3` vault, `$4` work session, `$5` action; null: any. */
const AUDIT = `
  SELECT wire_time(at) AS at, action, outcome, vault_id, seq::float8 AS seq, work_session_id, client_id, session,
    request_id, address
  FROM audit_log
  WHERE at >= $1 AND ($2::timestamptz IS NULL OR at < $2) AND ($3::text IS NULL OR vault_id = $3)
    AND ($4::text IS NULL OR work_session_id = $4) AND ($5::text IS NULL OR action = $5)
  ORDER BY audit_log.at, id`;

/** The rows of the audit log in the order of time, in constant memory. */
export async function readAudit(
  client: pg.Client,
  { since, until, vault, workSession, action }: AuditOptions,
  take: (row: AuditRow) => Promise<void>,
): Promise<void> {
  await withSnapshot(client, async () => {
    const values = [since, until ?? null, vault ?? null, workSession ?? null, action ?? null];
    for await (const row of streamRows<AuditRow>(client, AUDIT, values)) await take(row);
  });
}

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

/**
 * A moment: RFC 3339, or how long ago, as `90s`, `30m`, `1h`, `2d`.
 * @throws InvalidArgumentError for anything else
 */
export function parseMoment(text: string, now = Date.now()): Date {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (amount !== undefined) return new Date(now - Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS]);
  const date = new Date(text);
  if (RFC_3339.test(text) && !Number.isNaN(date.getTime())) return date;
  throw new InvalidArgumentError(
    'It must be a time like 2026-11-24T09:00:00Z, or how long ago, like 1h or 2d.',
  );
}

/** Names that others chose must not move the cursor of a terminal, or begin a line of their own. */
const printable = (value: string | number | null) =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
  String(value ?? '-').replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '?');

const COLUMNS: readonly [string, number, (row: AuditRow) => string | number | null][] = [
  ['TIME', 27, ({ at }) => at],
  ['ACTION', 15, ({ action }) => action],
  ['OUTCOME', 14, ({ outcome }) => outcome],
  ['VAULT', 12, ({ vault_id }) => vault_id],
  ['SEQ', 8, ({ seq }) => seq],
  ['WORK SESSION', 16, ({ work_session_id }) => work_session_id],
  ['CLIENT', 36, ({ client_id }) => client_id],
  ['SESSION', 12, ({ session }) => session],
  ['ADDRESS', 15, ({ address }) => address],
  ['REQUEST', 36, ({ request_id }) => request_id],
];

/** The widths are fixed: the rows are printed as they come. */
const line = (cells: (string | number | null)[]): string =>
  `${cells
    .map((cell, i) => printable(cell).padEnd(COLUMNS[i]?.[1] ?? 0))
    .join('  ')
    .trimEnd()}\n`;

export const AUDIT_HEAD = line(COLUMNS.map(([name]) => name));
export const formatAuditRow = (row: AuditRow): string => line(COLUMNS.map(([, , cell]) => cell(row)));

/** `vault-relay audit`: a table, or NDJSON. */
export function makeAuditCommand({ setUp }: Pick<CommandDeps, 'setUp'>): Command {
  const moment = (text: string) => parseMoment(text);
  return new Command('audit')
    .description('print who did what, in the order of time; never what was written')
    .requiredOption('--since <time>', 'RFC 3339, or how long ago: 1h, 2d', moment)
    .option('--until <time>', 'likewise; what happened from then on is left out', moment)
    .option('--vault <id>', 'only what is about this vault')
    .option('--work-session <id>', 'only what this work session did')
    .option('--action <action>', 'only this action, such as append or session_revoke')
    .option('--json', 'print one JSON object a line')
    .action(async ({ json, ...options }: AuditOptions & { json?: true }) => {
      const { config, log } = setUp();
      const write = writeTo(process.stdout);
      await withConnectionToDatabase(config, log, async (client) => {
        if (!json) await write(AUDIT_HEAD);
        await readAudit(client, options, (row) =>
          write(json ? `${JSON.stringify(row)}\n` : formatAuditRow(row)),
        );
      });
    });
}
