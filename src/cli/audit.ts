import { Command } from 'commander';
import type pg from 'pg';
import { streamRows, withSnapshot } from '../db/connection.ts';
import type { CommandDeps } from './command.ts';
import { parseMoment } from './options.ts';
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
  /** RFC 3339, to the microsecond. */
  since: string;
  until?: string | undefined;
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

/** Yields the rows of the audit log by time, within the transaction that is open. @throws the driver's error */
export function readAudit(
  client: pg.Client,
  { since, until, vault, workSession, action }: AuditOptions,
): AsyncGenerator<AuditRow> {
  const values = [since, until ?? null, vault ?? null, workSession ?? null, action ?? null];
  return streamRows<AuditRow>(client, AUDIT, values);
}

const COLUMNS: readonly [string, keyof AuditRow][] = [
  ['TIME', 'at'],
  ['ACTION', 'action'],
  ['OUTCOME', 'outcome'],
  ['VAULT', 'vault_id'],
  ['SEQ', 'seq'],
  ['WORK SESSION', 'work_session_id'],
  ['CLIENT', 'client_id'],
  ['SESSION', 'session'],
  ['ADDRESS', 'address'],
];

async function* toCells(rows: AsyncIterable<AuditRow>): AsyncGenerator<string[]> {
  for await (const row of rows) yield COLUMNS.map(([, column]) => String(row[column] ?? '-'));
}

/** `vault-relay audit`: a table, or NDJSON. */
export function makeAuditCommand({ setUp, out }: CommandDeps): Command {
  const moment = (text: string) => parseMoment(text);
  return new Command('audit')
    .description('print who did what, in the order of time; never what was written')
    .requiredOption('--since <time>', 'RFC 3339, or how long ago: 1h, 2d', moment)
    .option('--until <time>', 'the same; what happened from then on is left out', moment)
    .option('--vault <id>', 'only what is about this vault')
    .option('--work-session <id>', 'only what this work session did')
    .option('--action <action>', 'only this action, such as append or session_revoke')
    .option('--json', 'print one JSON object a line')
    .action(async ({ json, ...options }: AuditOptions & { json?: true }) => {
      const { config, log } = setUp();
      await withConnectionToDatabase(config, log, (client) =>
        withSnapshot(client, async () => {
          const rows = readAudit(client, options);
          if (!json)
            return out.table(
              COLUMNS.map(([head]) => head),
              toCells(rows),
            );
          for await (const row of rows) await out.json(row);
        }),
      );
    });
}
