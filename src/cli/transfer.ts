import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { Command } from 'commander';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { type ExportOptions, exportVaults } from '../transfer/export.ts';
import { importVaults } from '../transfer/import.ts';
import { readLines } from '../transfer/lines.ts';
import { withConnectionToDatabase } from './with-database.ts';

export interface CommandDeps {
  setUp(): { config: Config; log: Logger };
  print(text: string): void;
}

/** Writes as fast as whoever reads takes it. @throws Error when the reader has gone */
export function writeTo(stream: Writable): (text: string) => Promise<void> {
  let failure: Error | undefined;
  stream.on('error', (error) => {
    failure = error;
  });
  return async (text) => {
    if (failure) throw failure;
    if (!stream.write(text)) await once(stream, 'drain');
  };
}

/** `vault-relay export`: NDJSON on stdout. */
export function makeExportCommand({ setUp }: CommandDeps): Command {
  const collect = (id: string, ids: string[] = []) => [...ids, id];
  return new Command('export')
    .description('write vaults with their whole history and proofs to stdout, one JSON object a line')
    .option('--vault <id>', 'only this vault; may be given more than once', collect)
    .option('--work-session <id>', 'only the vaults of this work session')
    .option('--after <position>', 'go on after the line with this position')
    .option('--with-astations', 'the registered keys of Astations too')
    .action(async ({ vault, workSession, after, withAstations }) => {
      const { config, log } = setUp();
      const options: ExportOptions = { vaults: vault, workSession, after, astations: withAstations };
      await withConnectionToDatabase(config, log, (client) =>
        exportVaults(client, options, writeTo(process.stdout)),
      );
    });
}

/** `vault-relay import`: from a file, or stdin. */
export function makeImportCommand({ setUp, print }: CommandDeps): Command {
  return new Command('import')
    .description('bring the vaults of an export into a server that has none, checking every hash')
    .argument('[file]', 'the export; without it, stdin')
    .action(async (file?: string) => {
      const { config, log } = setUp();
      const input = file === undefined ? process.stdin : createReadStream(file);
      const { vaults, rows, skipped, astations } = await withConnectionToDatabase(config, log, (client) =>
        importVaults(client, readLines(input)),
      );
      const there = skipped > 0 ? ` ${skipped} vaults were there already, the same.` : '';
      const keys = astations > 0 ? ` ${astations} Astations have their keys.` : '';
      print(`Imported ${vaults} vaults with ${rows} rows.${there}${keys}`);
    });
}
