import type pg from 'pg';
import { streamVaultRows, withPrismaSnapshot } from '../db/connection.ts';
import type { AppendOnlyClient } from '../db/prisma.ts';
import {
  type AstationLine,
  FORMAT,
  formatLine,
  type HeaderLine,
  type Position,
  type RowLine,
  readPosition,
  type VaultLine,
  writePosition,
} from './format.ts';
import { AUDIT, CLOCK, ROWS } from './sql.ts';
import { astations, findMissing, findVault, type Scope, vaultIds } from './vaults.ts';

export interface ExportOptions extends Scope {
  /** The position of the last line that is there already; empty: none is. */
  after?: string | undefined;
  /** The registered keys of Astations too. */
  astations?: boolean | undefined;
}

/** The options do not match the database; the message names the option. */
export class ExportError extends Error {
  override readonly name = 'ExportError';
}

function parseAfter(after: string | undefined): Position | undefined {
  if (after === undefined || after === '') return undefined;
  const position = readPosition(after);
  if (!position) throw new ExportError('--after takes the `position` of a line of an export.');
  return position;
}

/** The transaction of an export, by both ways to ask it. */
interface Source {
  client: pg.Client;
  prisma: AppendOnlyClient;
}

async function checkVaults({ prisma }: Source, { vaults }: Scope): Promise<void> {
  const missing = vaults && (await findMissing(prisma, vaults));
  if (missing !== undefined) throw new ExportError(`There is no vault ${missing}.`);
}

async function makeHeader({ client }: Source, options: ExportOptions): Promise<HeaderLine> {
  const { vaults = null, workSession = null, after, astations: withAstations = false } = options;
  const { rows } = await client.query(CLOCK);
  return {
    type: 'header',
    format: FORMAT,
    exported_at: rows[0].exported_at,
    after: after || null,
    vaults,
    work_session_id: workSession,
    astations: withAstations,
  };
}

async function* astationLines({ prisma }: Source, after: string): AsyncGenerator<AstationLine> {
  for await (const row of astations(prisma, after)) {
    yield { type: 'astation', position: writePosition({ astation: row.astation_id }), ...row };
  }
}

async function* vaultLines(
  { client, prisma }: Source,
  scope: Scope,
  after: { vault: string; seq: number } | undefined,
): AsyncGenerator<VaultLine | RowLine> {
  for await (const vaultId of vaultIds(prisma, scope, after?.vault ?? '')) {
    const vault = await findVault(prisma, vaultId);
    if (!vault) throw new ExportError(`The index of vault ${vaultId} and its table disagree.`);
    const continued = vaultId === after?.vault;
    const seq = continued ? after.seq : 0;
    yield { type: 'vault', position: writePosition({ vault: vaultId, seq }), ...vault, continued };
    const rows = streamVaultRows<Omit<RowLine, 'type' | 'position'>>(client, ROWS, { vaultId, after: seq });
    for await (const row of rows) {
      yield { type: 'row', position: writePosition({ vault: vaultId, seq: row.seq }), ...row };
    }
  }
}

async function* allLines(source: Source, options: ExportOptions): AsyncGenerator<string> {
  const after = parseAfter(options.after);
  await checkVaults(source, options);
  yield formatLine(await makeHeader(source, options));
  const counts = { astation: 0, vault: 0, row: 0 };
  if (options.astations && !(after && 'vault' in after)) {
    for await (const line of astationLines(source, after?.astation ?? '')) {
      counts.astation++;
      yield formatLine(line);
    }
  }
  const from = after && 'vault' in after ? after : undefined;
  for await (const line of vaultLines(source, options, from)) {
    counts[line.type]++;
    yield formatLine(line);
  }
  yield formatLine({ type: 'end', astations: counts.astation, vaults: counts.vault, rows: counts.row });
}

/**
 * Hands out the lines of an export, one after the other and in constant memory, all as of one moment.
 * @param write takes a line; resolves when it may have the next one
 * @throws ExportError when the options do not fit, or what `write` throws
 */
export async function exportVaults(
  client: pg.Client,
  options: ExportOptions,
  write: (line: string) => Promise<void>,
): Promise<void> {
  const [only] = options.vaults?.length === 1 ? options.vaults : [];
  await client.query(AUDIT, ['export', only ?? null, options.workSession ?? null]);
  await withPrismaSnapshot(client, async (prisma) => {
    for await (const line of allLines({ client, prisma }, options)) await write(line);
  });
}
