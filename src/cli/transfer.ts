import { fstatSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { Command } from 'commander';
import { type ExportOptions, exportVaults } from '../transfer/export.ts';
import { importVaults } from '../transfer/import.ts';
import { ImportError } from '../transfer/import-error.ts';
import { readLines } from '../transfer/lines.ts';
import type { CommandDeps } from './command.ts';
import { explainSystemError } from './complaint.ts';
import { withConnectionToDatabase } from './with-database.ts';

/** `vault-relay export`: NDJSON on stdout. */
export function makeExportCommand({ setUp, out }: CommandDeps): Command {
  const collect = (id: string, ids: string[] = []) => [...ids, id];
  return new Command('export')
    .description('write vaults with their whole history and proofs to stdout, one JSON object a line')
    .option('--vault <id>', 'only this vault; repeatable', collect)
    .option('--work-session <id>', 'only the vaults of this work session')
    .option('--after <position>', 'continue after the line with this position')
    .option('--with-astations', 'include the registered keys of Astations')
    .action(async ({ vault, workSession, after, withAstations }) => {
      const { config, log } = await setUp();
      const options: ExportOptions = { vaults: vault, workSession, after, astations: withAstations };
      await withConnectionToDatabase(config, log, (client) =>
        exportVaults(client, options, (line) => out.jsonText(line)),
      );
    });
}

const unreadable = (name: string, error: unknown) =>
  new ImportError(
    `The export ${name} cannot be read: ${explainSystemError(error as NodeJS.ErrnoException)}.`,
    { cause: error },
  );

/** Yields what a file holds. @throws ImportError that names it */
async function* readChunks(name: string, input: Readable): AsyncGenerator<Buffer> {
  try {
    yield* input;
  } catch (error) {
    throw unreadable(name, error);
  }
}

/** Runs work with the bytes of a file, or of stdin. @throws ImportError that names the file which cannot be read */
async function withInput<T>(
  file: string | undefined,
  work: (input: AsyncIterable<Buffer>) => Promise<T>,
): Promise<T> {
  if (file === undefined) {
    // Node would take a folder for an empty file.
    if (fstatSync(0).isDirectory())
      throw unreadable('on stdin', Object.assign(new Error(), { code: 'EISDIR' }));
    return work(readChunks('on stdin', process.stdin));
  }
  const handle: FileHandle = await open(file).catch((error) => {
    throw unreadable(file, error);
  });
  try {
    return await work(readChunks(file, handle.createReadStream({ autoClose: false })));
  } finally {
    await handle.close();
  }
}

/** `vault-relay import`: from a file, or stdin. */
export function makeImportCommand({ setUp, out }: CommandDeps): Command {
  return new Command('import')
    .description('import the vaults of an export into an empty server, and check every hash')
    .argument('[file]', 'the export; stdin by default')
    .action(async (file?: string) => {
      const { config, log } = await setUp();
      const { vaults, rows, skipped, astations } = await withInput(file, (input) =>
        withConnectionToDatabase(config, log, (client) => importVaults(client, readLines(input))),
      );
      const there = skipped > 0 ? ` ${skipped} vaults were already there, unchanged.` : '';
      const keys = astations > 0 ? ` ${astations} Astation keys are registered.` : '';
      await out.line(`Imported ${vaults} vaults with ${rows} rows.${there}${keys}`);
    });
}
