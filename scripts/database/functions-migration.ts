import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type pg from 'pg';
import { compareFunctions, type FunctionFile } from './functions.ts';

export interface MigrationOptions {
  /** A connection to a database with all migrations of `dir` applied. */
  client: pg.Client;
  files: FunctionFile[];
  /** Folder of the migrations. */
  dir: string;
  /** What the migration does, in snake_case. */
  name: string;
  now: Date;
}

const HEADER = `-- Made from prisma/functions by \`npm run functions:migration\`. Change the files there and make the next migration.\n`;

/** The fourteen digits with which Prisma begins a migration's name, always after those of the last migration. */
function timestampAfter(last: string | undefined, now: Date): string {
  const digits = now.toISOString().replace(/\D/g, '').slice(0, 14);
  const lastDigits = last?.slice(0, 14) ?? '';
  return digits > lastDigits ? digits : String(BigInt(lastDigits) + 1n);
}

/**
 * Writes a migration that updates the functions of a database to the files. It re-creates each changed function, and
 * drops each function that has no file.
 * @returns the name of the migration and its changes; undefined, without writing a file, when nothing differs
 * @throws Error when the name is not snake_case, or a file cannot be applied
 */
export async function writeFunctionsMigration({ client, files, dir, name, now }: MigrationOptions) {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) {
    throw new Error(`The name ${name} is not snake_case; use lower-case letters, digits and underscores.`);
  }
  const differences = await compareFunctions(client, files);
  if (differences.length === 0) return undefined;
  const last = (await readdir(dir)).sort().at(-1);
  const migration = `${timestampAfter(last, now)}_${name}`;
  await mkdir(path.join(dir, migration));
  const sql = [HEADER, ...differences.map((difference) => difference.sql)].join('\n');
  await writeFile(path.join(dir, migration, 'migration.sql'), sql);
  return { migration, differences };
}
