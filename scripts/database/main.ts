import { readFile, writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { MIGRATIONS_DIR } from '../../src/db/migrate.ts';
import { readFunctionFiles } from './functions.ts';
import { writeFunctionsMigration } from './functions-migration.ts';
import { withScratchDatabase } from './scratch.ts';
import { describeSchema, SNAPSHOT_FILE } from './snapshot.ts';

async function makeMigration(name: string): Promise<void> {
  const files = await readFunctionFiles();
  const made = await withScratchDatabase((client) =>
    writeFunctionsMigration({ client, files, dir: MIGRATIONS_DIR, name, now: new Date() }),
  );
  if (!made) {
    console.log('The migrations already make the functions of prisma/functions. No migration was written.');
    return;
  }
  console.log(`Wrote prisma/migrations/${made.migration}/migration.sql:`);
  for (const difference of made.differences) console.log(`  ${difference.name} (${difference.problem})`);
  console.log('Read it, then run `npm run snapshot:write`.');
}

async function takeSnapshot({ write }: { write?: true }): Promise<void> {
  const text = await withScratchDatabase(describeSchema);
  if (write) {
    await writeFile(SNAPSHOT_FILE, text);
  } else if (text !== (await readFile(SNAPSHOT_FILE, 'utf8'))) {
    console.error(
      'prisma/snapshot.sql differs from the schema that the migrations make. Run `npm run snapshot:write`.',
    );
    process.exitCode = 1;
  }
}

const program = new Command('database').description(
  'Keeps prisma/functions, the migrations and the snapshot in step.',
);
program
  .command('functions')
  .description('writes a migration that re-creates the functions whose text changed')
  .argument('<name>', 'what the migration does, in snake_case')
  .action(makeMigration);
program
  .command('snapshot')
  .description('compares prisma/snapshot.sql with the schema that the migrations make')
  .option('--write', 'rewrite the file instead')
  .action(takeSnapshot);
await program.parseAsync();
