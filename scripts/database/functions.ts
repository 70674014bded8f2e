import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type pg from 'pg';

/** `prisma/functions`: the source of every SQL function, one file per function. */
export const FUNCTIONS_DIR = path.resolve(import.meta.dirname, '../../prisma/functions');

/** A file of `prisma/functions`. */
export interface FunctionFile {
  /** The name of the function. With `.sql` it is the name of the file. */
  name: string;
  text: string;
}

/** A function that differs between the files and the database. */
export interface FunctionDifference {
  name: string;
  problem: 'differs' | 'only in prisma/functions' | 'only in the database';
  /** The SQL that updates the database to the files. */
  sql: string;
}

/** A function as PostgreSQL describes it. Two texts have the same description only if they define the same function. */
interface Described {
  name: string;
  /** Name and types of the arguments, which identify a function. */
  signature: string;
  definition: string;
  /** Names and defaults of the arguments, and the result. PostgreSQL cannot replace a function where these differ. */
  face: string;
}

/** The files are applied in this schema, so that the functions of the database do not change. */
const FILES_SCHEMA = 'vault_relay_function_files';

/** `$1` schema. Leaves out the functions of extensions. */
const DESCRIBE = `
  SELECT p.proname AS name, format('%I(%s)', p.proname, oidvectortypes(p.proargtypes)) AS signature,
    concat(pg_get_function_arguments(p.oid), ' ', pg_get_function_result(p.oid)) AS face,
    CASE p.prokind WHEN 'a' THEN 'an aggregate' ELSE
      replace(pg_get_functiondef(p.oid), format(' %I.%I(', $1::text, p.proname), format(' %I(', p.proname)) END AS definition
  FROM pg_proc AS p
  WHERE p.pronamespace = $1::text::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
  ORDER BY p.proname COLLATE "C", oidvectortypes(p.proargtypes) COLLATE "C"`;

/** Reads the files of a folder, in the order of their names. */
export async function readFunctionFiles(dir = FUNCTIONS_DIR): Promise<FunctionFile[]> {
  const names = (await readdir(dir)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(
    names.map(async (name) => ({
      name: name.slice(0, -'.sql'.length),
      text: await readFile(path.join(dir, name), 'utf8'),
    })),
  );
}

const describe = async (client: pg.Client, schema: string): Promise<Described[]> =>
  (await client.query<Described>(DESCRIBE, [schema])).rows;

/** Counts the functions that the files have made so far, and those with the name `$1`. */
const COUNT = `
  SELECT count(*)::int AS made, (count(*) FILTER (WHERE proname = $1))::int AS named
  FROM pg_proc WHERE pronamespace = '${FILES_SCHEMA}'::regnamespace`;

/** @throws Error when a file does not make exactly the one function of its name */
async function applyFiles(client: pg.Client, files: FunctionFile[]): Promise<Described[]> {
  for (const [i, { name, text }] of files.entries()) {
    await client.query(text).catch((error: Error) => {
      throw new Error(`prisma/functions/${name}.sql cannot be applied: ${error.message}`, { cause: error });
    });
    const { rows } = await client.query<{ made: number; named: number }>(COUNT, [name]);
    if (rows[0]?.made !== i + 1 || rows[0].named !== 1) {
      throw new Error(`prisma/functions/${name}.sql must make exactly one function, with the name ${name}.`);
    }
  }
  return describe(client, FILES_SCHEMA);
}

/** Describes the functions of the files and of the database. The database does not change. */
async function describeBoth(client: pg.Client, files: FunctionFile[]) {
  await client.query('BEGIN');
  try {
    const { rows } = await client.query<{ schema: string }>('SELECT current_schema() AS schema');
    const schema = rows[0]?.schema ?? 'public';
    const live = await describe(client, schema);
    await client.query(`CREATE SCHEMA ${FILES_SCHEMA}`);
    await client.query(`SELECT set_config('search_path', $1, true)`, [`${FILES_SCHEMA}, ${schema}`]);
    return { live, filed: await applyFiles(client, files) };
  } finally {
    await client.query('ROLLBACK');
  }
}

function differenceOf(file: FunctionFile, wanted: Described, live: Described | undefined) {
  if (live?.definition === wanted.definition) return [];
  const drop = live && live.face !== wanted.face ? `DROP FUNCTION ${live.signature};\n` : '';
  const problem = live ? 'differs' : 'only in prisma/functions';
  return [{ name: file.name, problem, sql: drop + file.text } as const];
}

/**
 * Compares the functions of a database with the files. PostgreSQL describes both, so layout outside the bodies does not
 * matter. Bodies must be identical.
 * @param client a connection of a role that may create schemas; the database does not change
 * @throws Error when a file cannot be applied, or does not make exactly the one function of its name
 */
export async function compareFunctions(
  client: pg.Client,
  files: FunctionFile[],
): Promise<FunctionDifference[]> {
  const { live, filed } = await describeBoth(client, files);
  const liveOf = new Map(live.map((it) => [it.signature, it]));
  const changed = files.flatMap((file) => {
    const wanted = filed.find(({ name }) => name === file.name);
    return wanted ? differenceOf(file, wanted, liveOf.get(wanted.signature)) : [];
  });
  const signatures = new Set(filed.map(({ signature }) => signature));
  const left = live
    .filter(({ signature }) => !signatures.has(signature))
    .map(({ name, signature }) => ({
      name,
      problem: 'only in the database' as const,
      sql: `DROP FUNCTION ${signature};\n`,
    }));
  return [...changed, ...left];
}
