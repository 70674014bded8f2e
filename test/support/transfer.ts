import { Readable } from 'node:stream';
import { withConnection } from '../../src/db/connection.ts';
import { type ExportOptions, exportVaults } from '../../src/transfer/export.ts';
import { type ImportReport, importVaults } from '../../src/transfer/import.ts';
import { readLines } from '../../src/transfer/lines.ts';
import { withClient } from './database.ts';

/** @returns the lines of an export, each with its end */
export const exported = (url: string, options: ExportOptions = {}): Promise<string[]> =>
  withConnection(url, async (client) => {
    const lines: string[] = [];
    await exportVaults(client, options, async (line) => {
      lines.push(line);
    });
    return lines;
  });

/** Imports a file of these lines, or parts of lines. */
export const imported = (url: string, lines: string[]): Promise<ImportReport> =>
  withConnection(url, (client) =>
    importVaults(client, readLines(Readable.from(lines.map((line) => Buffer.from(line))))),
  );

const TABLES = ['vaults', 'vault_entries', 'vault_writers', 'vault_write_keys', 'vault_creation_keys'];

/** All data that an export includes, as text, to compare two servers. */
export const contentsOf = (url: string): Promise<string> =>
  withClient(url, async (client) => {
    const tables: string[] = [];
    for (const table of TABLES) {
      const { rows } = await client.query(
        `SELECT to_jsonb(t)::text AS row FROM ${table} AS t ORDER BY to_jsonb(t)::text COLLATE "C"`,
      );
      tables.push([table, ...rows.map(({ row }) => row)].join('\n'));
    }
    return tables.join('\n\n');
  });
