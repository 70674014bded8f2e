import { Command, InvalidArgumentError } from 'commander';
import { withPrismaSnapshot } from '../db/connection.ts';
import type { AppendOnlyClient } from '../db/prisma.ts';
import { toSafeNumber } from '../numbers.ts';
import { bucketOf } from '../vault/bucket.ts';
import type { CommandDeps } from './command.ts';
import { parseMoment } from './quantities.ts';
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
  /** RFC 3339 in UTC with six decimals, as rows have it. */
  since: string;
  until?: string | undefined;
  vault?: string | undefined;
  workSession?: string | undefined;
  action?: string | undefined;
  /** An author: `key:<id>`, `person:<id>`, or the fingerprint of a session. */
  by?: string | undefined;
}

/** @returns an author as the audit log has it @throws InvalidArgumentError */
function parseAuthor(text: string): string {
  const author = text.replace(/^session:/, '');
  if (/^(?:(?:key|person):[0-9a-z]{1,32}|[0-9a-f]{12})$/.test(author)) return author;
  throw new InvalidArgumentError(
    'It must be key:<id>, person:<id>, or the 12 digits of a fingerprint, such as session list shows.',
  );
}

/** Rows that are fetched together, and how much time the first query looks at. */
const PAGE_ROWS = 1000;
const FIRST_SPAN_MS = 3_600_000;

/** Actions on a credential, whose row has the credential as its session and the author as its client. */
const ON_CREDENTIALS = ['session_revoke', 'person_revoke', 'key_create', 'key_revoke'];
/** Actions of a person, whose row has the fingerprint of the person's session as its client. */
const OF_PEOPLE = ['sign_in', 'sign_out', 'person_rename'];

/** Rows by an author or about it. An agent chooses its client id, so that of other actions proves nothing. */
const byAuthor = (author: string) => ({
  OR: [{ session: author }, { clientId: author, action: { in: [...ON_CREDENTIALS, ...OF_PEOPLE] } }],
});

/**
 * Yields the rows of the audit log by time. Its table has no index in that order, but one that finds a span of time. So
 * each query reads one span: twice as long after one that held less than a page, half as long after a full page.
 * @throws RelayError
 */
export async function* readAudit(
  { auditLine }: AppendOnlyClient,
  { since, until, vault, workSession, action, by }: AuditOptions,
): AsyncGenerator<AuditRow> {
  const wanted = {
    ...(vault !== undefined && { bucket: bucketOf(vault), vaultId: vault }),
    ...(workSession !== undefined && { workSessionId: workSession }),
    ...(action !== undefined && { action }),
    AND: [
      { wireAt: { gte: since } },
      ...(until === undefined ? [] : [{ wireAt: { lt: until } }]),
      ...(by === undefined ? [] : [byAuthor(by)]),
    ],
  };
  let from = new Date(since);
  const { _max } = await auditLine.aggregate({ where: { ...wanted, at: { gte: from } }, _max: { at: true } });
  const end = (_max.at?.getTime() ?? Number.NEGATIVE_INFINITY) + 1;
  let after: AuditLine | undefined;
  for (let span = FIRST_SPAN_MS; from.getTime() < end; ) {
    const to = new Date(Math.min(from.getTime() + span, end));
    const behind = after && {
      OR: [{ wireAt: { gt: after.wireAt } }, { wireAt: after.wireAt, id: { gt: after.id } }],
    };
    const lines = await auditLine.findMany({
      where: { ...wanted, ...behind, at: { gte: from, lt: to } },
      orderBy: [{ wireAt: 'asc' }, { id: 'asc' }],
      take: PAGE_ROWS,
    });
    for (const line of lines) yield toRow(line);
    const isFull = lines.length === PAGE_ROWS;
    after = isFull ? lines.at(-1) : undefined;
    from = after?.at ?? to;
    span = isFull ? Math.max(1, Math.floor(span / 2)) : span * 2;
  }
}

type AuditLine = Awaited<ReturnType<AppendOnlyClient['auditLine']['findFirstOrThrow']>>;

const toRow = ({ wireAt, seq, ...line }: AuditLine): AuditRow => ({
  at: wireAt,
  action: line.action,
  outcome: line.outcome,
  vault_id: line.vaultId,
  seq: seq === null ? null : toSafeNumber(seq),
  work_session_id: line.workSessionId,
  client_id: line.clientId,
  session: line.session,
  request_id: line.requestId,
  address: line.address,
});

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
    .description('print the audit log in the order of time; it never contains texts')
    .requiredOption('--since <time>', 'RFC 3339 time, or age such as 1h or 2d', moment)
    .option('--until <time>', 'RFC 3339 time, or age; exclude rows from then on', moment)
    .option('--vault <id>', 'only rows about this vault')
    .option('--work-session <id>', 'only rows of this work session')
    .option('--action <action>', 'only this action, such as append or session_revoke')
    .option('--by <author>', 'only rows of this author: key:<id>, person:<id>, or a fingerprint', parseAuthor)
    .option('--json', 'print one JSON object a line')
    .action(async ({ json, ...options }: AuditOptions & { json?: true }) => {
      const { config, log } = await setUp();
      await withConnectionToDatabase(config, log, (client) =>
        withPrismaSnapshot(client, async (prisma) => {
          const rows = readAudit(prisma, options);
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
