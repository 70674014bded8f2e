import type pg from 'pg';
import { streamRows, streamVaultRows, withSnapshot } from '../db/connection.ts';
import { statementName } from '../db/statement-name.ts';
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
import { ASTATIONS, AUDIT, EXISTING, ROWS, SCOPE, VAULT, VAULT_IDS } from './sql.ts';

export interface ExportOptions {
  /** Only these vaults. */
  vaults?: string[] | undefined;
  /** Only the vaults of this work session. */
  workSession?: string | undefined;
  /** The position of the last line that is there already; empty: none is. */
  after?: string | undefined;
  /** The registered keys of Astations too. */
  astations?: boolean | undefined;
}

/** The options do not fit what there is; the message says which. */
export class ExportError extends Error {
  override readonly name = 'ExportError';
}

function parseAfter(after: string | undefined): Position | undefined {
  if (after === undefined || after === '') return undefined;
  const position = readPosition(after);
  if (!position) throw new ExportError('--after takes the `position` of a line of an export.');
  return position;
}

async function checkVaults(client: pg.Client, vaults: string[] | undefined): Promise<void> {
  if (!vaults) return;
  const { rows } = await client.query<{ vault_id: string }>(EXISTING, [vaults]);
  const missing = vaults.find((id) => !rows.some(({ vault_id }) => vault_id === id));
  if (missing !== undefined) throw new ExportError(`There is no vault ${missing}.`);
}

async function makeHeader(client: pg.Client, options: ExportOptions): Promise<HeaderLine> {
  const { vaults = null, workSession = null, after, astations = false } = options;
  const { rows } = await client.query(SCOPE, [vaults, workSession]);
  return {
    type: 'header',
    format: FORMAT,
    exported_at: rows[0].exported_at,
    after: after || null,
    vaults,
    work_session_id: workSession,
    astations,
    highest_seq: Number(rows[0].highest_seq),
  };
}

async function* astationLines(client: pg.Client, after: string): AsyncGenerator<AstationLine> {
  for await (const row of streamRows<Omit<AstationLine, 'type' | 'position'>>(client, ASTATIONS, [after])) {
    yield { type: 'astation', position: writePosition({ astation: row.astation_id }), ...row };
  }
}

async function* vaultLines(
  client: pg.Client,
  { vaults = null, workSession = null }: { vaults?: string[] | null; workSession?: string | null },
  after: { vault: string; seq: number } | undefined,
): AsyncGenerator<VaultLine | RowLine> {
  const ids = streamRows<{ vault_id: string }>(client, VAULT_IDS, [vaults, workSession, after?.vault ?? '']);
  for await (const { vault_id } of ids) {
    const query = { name: statementName(VAULT), text: VAULT, values: [vault_id] };
    const [vault] = (await client.query<Omit<VaultLine, 'type' | 'position' | 'continued'>>(query)).rows;
    if (!vault) throw new ExportError(`The index of vault ${vault_id} and its table disagree.`);
    const continued = vault_id === after?.vault;
    const seq = continued ? after.seq : 0;
    yield { type: 'vault', position: writePosition({ vault: vault_id, seq }), ...vault, continued };
    const rows = streamVaultRows<Omit<RowLine, 'type' | 'position'>>(client, ROWS, {
      vaultId: vault_id,
      after: seq,
    });
    for await (const row of rows) {
      yield { type: 'row', position: writePosition({ vault: vault_id, seq: row.seq }), ...row };
    }
  }
}

async function* allLines(client: pg.Client, options: ExportOptions): AsyncGenerator<string> {
  const { vaults = null, workSession = null } = options;
  const after = parseAfter(options.after);
  await checkVaults(client, options.vaults);
  yield formatLine(await makeHeader(client, options));
  const counts = { astation: 0, vault: 0, row: 0 };
  if (options.astations && !(after && 'vault' in after)) {
    for await (const line of astationLines(client, after?.astation ?? '')) {
      counts.astation++;
      yield formatLine(line);
    }
  }
  const from = after && 'vault' in after ? after : undefined;
  for await (const line of vaultLines(client, { vaults, workSession }, from)) {
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
  await withSnapshot(client, async () => {
    for await (const line of allLines(client, options)) await write(line);
  });
}
