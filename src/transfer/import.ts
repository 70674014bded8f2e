import type pg from 'pg';
import { prismaOn } from '../db/connection.ts';
import type { AppendOnlyClient } from '../db/prisma.ts';
import { type AstationLine, type HeaderLine, type Line, parseLine } from './format.ts';
import { ImportError } from './import-error.ts';
import type { NumberedLine } from './lines.ts';
import { INSERT_ASTATION, LOCK } from './sql.ts';
import { VaultImport } from './vault-import.ts';
import { VaultTarget } from './vault-target.ts';

export interface ImportReport {
  /** Vaults and rows that were written. */
  vaults: number;
  rows: number;
  /** Vaults that were there already, the same. */
  skipped: number;
  astations: number;
}

const sameScope = (a: HeaderLine, b: HeaderLine): boolean =>
  JSON.stringify([a.vaults, a.work_session_id, a.astations]) ===
  JSON.stringify([b.vaults, b.work_session_id, b.astations]);

/** Reads the lines of one file, in their order. */
class Importer {
  readonly report: ImportReport = { vaults: 0, rows: 0, skipped: 0, astations: 0 };
  readonly #client: pg.Client;
  readonly #target: VaultTarget;
  #header: HeaderLine | undefined;
  #vault: VaultImport | undefined;
  #position: string | null = null;
  #seen = { astations: 0, vaults: 0, rows: 0 };
  #ended = false;

  constructor(client: pg.Client, prisma: AppendOnlyClient) {
    this.#client = client;
    this.#target = new VaultTarget(client, prisma);
  }

  async take(line: Line): Promise<void> {
    if (this.#ended) throw new Error('the export ended before it');
    if (!this.#header && line.type !== 'header') throw new Error('an export begins with its header');
    switch (line.type) {
      case 'header':
        return this.#begin(line);
      case 'astation':
        this.#seen.astations++;
        await this.#addAstation(line);
        break;
      case 'vault':
        this.#seen.vaults++;
        await this.#takeVault(line);
        break;
      case 'row':
        this.#seen.rows++;
        if (!this.#vault) throw new Error('it comes before the line of its vault');
        await this.#vault.take(line);
        break;
      case 'end':
        return this.#end(line);
    }
    this.#position = line.position;
  }

  /** What was begun and did not come to its end is as if it had not been there. */
  async giveUp(): Promise<void> {
    if (this.#vault) await this.#target.rollback();
  }

  /** @throws ImportError when the file has no end */
  async finish(): Promise<void> {
    if (this.#ended) return;
    await this.giveUp();
    const how =
      this.#position === null ? 'Export again' : `Resume the export with --after '${this.#position}'`;
    throw new ImportError(
      `The file has no end line, so its export was interrupted; the complete vaults are imported. ${how}, append to the file, and import it again.`,
    );
  }

  #begin(header: HeaderLine): void {
    if (header.after !== this.#position) {
      throw new Error(
        header.after === null
          ? 'another export begins'
          : `it continues after ${header.after}; append it to the file that ends there`,
      );
    }
    if (this.#header && !sameScope(this.#header, header)) throw new Error('it continues with other vaults');
    this.#header = header;
    this.#seen = { astations: 0, vaults: 0, rows: 0 };
  }

  async #addAstation({ astation_id, public_key, registered_at }: AstationLine): Promise<void> {
    const { rows } = await this.#client.query(INSERT_ASTATION, [astation_id, public_key, registered_at]);
    if (rows.length === 0) throw new Error(`another key is registered here for the Astation ${astation_id}`);
    this.report.astations++;
  }

  async #takeVault(line: Line & { type: 'vault' }): Promise<void> {
    if (this.#vault?.continueWith(line)) return;
    await this.#finishVault();
    const known = await this.#target.find(line.vault_id);
    this.#vault = new VaultImport(this.#target, { line, known });
    await this.#vault.begin();
  }

  async #finishVault(): Promise<void> {
    if (!this.#vault) return;
    const { written, rows } = await this.#vault.finish();
    this.#vault = undefined;
    if (written) {
      this.report.vaults++;
      this.report.rows += rows;
    } else {
      this.report.skipped++;
    }
  }

  async #end({ astations, vaults, rows }: Line & { type: 'end' }): Promise<void> {
    const seen = this.#seen;
    if (seen.astations !== astations || seen.vaults !== vaults || seen.rows !== rows) {
      throw new Error(
        `it ends ${vaults} vaults and ${rows} rows, but ${seen.vaults} and ${seen.rows} came before it`,
      );
    }
    // The counts must be right first: they tell whether the last vault is whole.
    await this.#finishVault();
    this.#ended = true;
  }
}

/** @throws ImportError while another import is at work */
async function lock(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ locked: boolean }>(LOCK);
  if (!rows[0]?.locked)
    throw new ImportError('Another import is running on this database; wait until it ends.');
}

/**
 * Brings the vaults of an export into a server, beside the vaults that are there: one transaction a vault, each chain checked
 * row by row before it is committed. A vault that is there already must be the same.
 * @param client of a role that owns the tables, working as the role of the server
 * @throws ImportError naming the line that does not fit; the vaults before it are in
 */
export async function importVaults(
  client: pg.Client,
  lines: AsyncIterable<NumberedLine>,
): Promise<ImportReport> {
  await lock(client);
  const importer = new Importer(client, await prismaOn(client));
  for await (const { no, text, whole } of lines) {
    // What an interrupted export wrote last.
    if (!whole) break;
    try {
      await importer.take(parseLine(text));
    } catch (error) {
      await importer.giveUp();
      throw new ImportError(`Line ${no}: ${(error as Error).message}.`, { cause: error });
    }
  }
  await importer.finish();
  return importer.report;
}

export { ImportError };
