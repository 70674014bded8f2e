import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, readFile, realpath, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { EmbeddedError, hasCode } from './error.ts';
import { isRoot, type RunAs } from './user.ts';

/** The place of root's database when PostgreSQL's user cannot reach DATA_DIR. It is durable and every user can enter it. */
const ELSEWHERE = '/var/lib/vault-relay';
const POINTER = 'postgres-location.txt';

/** The place of a database. `because` is the reason why it is not inside DATA_DIR. */
export interface Place {
  home: string;
  because?: string;
}

export const clusterOf = (home: string): string => path.join(home, 'cluster');
export const passwordFileOf = (home: string): string => path.join(home, 'password');
export const logFileOf = (home: string): string => path.join(home, 'postgres.log');

const exists = (file: string) =>
  lstat(file).then(
    () => true,
    (error) => {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false;
      throw error;
    },
  );

/** Resolves links, even if the last parts of the path do not exist yet, so that one folder has one name. */
async function canonical(folder: string): Promise<string> {
  try {
    return await realpath(folder);
  } catch (error) {
    if (!hasCode(error, 'ENOENT') || folder === path.dirname(folder)) throw error;
    return path.join(await canonical(path.dirname(folder)), path.basename(folder));
  }
}

async function places(dataDir: string): Promise<{ inside: string; elsewhere: string }> {
  const folder = await canonical(dataDir);
  const slug = folder
    .replace(/[^A-Za-z0-9]+/g, '-')
    .slice(-40)
    .replace(/^-|-$/g, '');
  const hash = createHash('sha256').update(folder).digest('hex').slice(0, 12);
  return { inside: path.join(folder, 'postgres'), elsewhere: path.join(ELSEWHERE, `${slug}-${hash}`) };
}

async function readPointer(dataDir: string): Promise<string | undefined> {
  try {
    return /^ {2}(\/.+)$/m.exec(await readFile(path.join(dataDir, POINTER), 'utf8'))?.[1];
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/**
 * Finds the database that belongs to DATA_DIR, at either place. Changes nothing.
 * @returns its folder, or undefined when there is none yet
 * @throws EmbeddedError when the database has disappeared, because an empty one must not replace it, or when there are two
 */
export async function findHome(dataDir: string): Promise<string | undefined> {
  const { inside, elsewhere } = await places(dataDir);
  const pointed = await readPointer(dataDir);
  const found: string[] = [];
  for (const home of new Set([inside, pointed ?? elsewhere, elsewhere])) {
    if (await exists(clusterOf(home))) found.push(home);
  }
  if (found.length > 1) {
    throw new EmbeddedError(
      `DATA_DIR ${dataDir} has two databases, ${found.join(' and ')}: move the wrong one away.`,
    );
  }
  if (pointed !== undefined && found.length === 0) {
    throw new EmbeddedError(
      `The database of DATA_DIR ${dataDir} is missing from ${pointed}: restore that folder, or delete ${path.join(dataDir, POINTER)} to start with an empty one.`,
    );
  }
  return found[0];
}

/**
 * Finds the first folder on the way to `target` that `runAs` cannot enter.
 * @returns undefined when the user can enter all of them
 */
async function firstBarrier(target: string, runAs: RunAs): Promise<string | undefined> {
  if (!runAs) return undefined;
  const parts = path.dirname(target).split(path.sep).filter(Boolean);
  for (let depth = 0; depth <= parts.length; depth++) {
    const folder = path.join(path.sep, ...parts.slice(0, depth));
    const { mode, uid, gid } = await stat(folder);
    // The kernel checks only the first class that matches. spawn() drops supplementary groups.
    const bit = uid === runAs.uid ? 0o100 : gid === runAs.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return folder;
  }
  return undefined;
}

const barred = (dataDir: string, barrier: string) =>
  `PostgreSQL does not run as root, and its user cannot enter ${barrier}${barrier === dataDir ? ', which is DATA_DIR' : ''}`;

async function makeElsewhere(): Promise<void> {
  if ((await mkdir(ELSEWHERE, { recursive: true })) === undefined) return;
  await chmod(ELSEWHERE, 0o755);
}

/** Chooses the folder of a new database. DATA_DIR must exist. */
export async function chooseHome(dataDir: string, runAs: RunAs): Promise<Place> {
  const { inside, elsewhere } = await places(dataDir);
  const barrier = await firstBarrier(inside, runAs);
  if (barrier === undefined) return { home: inside };
  await makeElsewhere();
  return { home: elsewhere, because: barred(dataDir, barrier) };
}

/** The user to run PostgreSQL as. The owner of the files decides, even if a `postgres` user was created since. */
export async function ownerOf(home: string): Promise<RunAs> {
  const { uid, gid } = await stat(clusterOf(home));
  if (isRoot() && uid !== 0) return { uid, gid };
  if (!isRoot() && uid === process.getuid?.()) return undefined;
  throw new EmbeddedError(
    isRoot()
      ? `The database in ${home} belongs to root, and PostgreSQL does not run as root: run chown -R postgres ${clusterOf(home)}.`
      : `The database in ${home} belongs to user id ${uid}: start the server as that user or as root.`,
  );
}

/**
 * Moves a database to a place that its user can reach, if the permissions of a folder above it no longer admit that user.
 * The database must not be running.
 * @returns undefined when the user can reach it, otherwise the new place and the reason
 * @throws EmbeddedError when the new place is on another disk
 */
export async function moveWithinReach(
  dataDir: string,
  home: string,
  runAs: RunAs,
): Promise<Place | undefined> {
  const barrier = await firstBarrier(clusterOf(home), runAs);
  if (barrier === undefined) return undefined;
  const { elsewhere } = await places(dataDir);
  try {
    await makeElsewhere();
    await rename(home, elsewhere);
    return { home: elsewhere, because: barred(dataDir, barrier) };
  } catch (error) {
    throw new EmbeddedError(
      `${barred(dataDir, barrier)}: run chmod o+x ${barrier}, or move ${home} to ${elsewhere}.`,
      { cause: error },
    );
  }
}

/**
 * Writes a note into DATA_DIR when the database is elsewhere. `findHome` reads it.
 * @returns a sentence that names the place, undefined when the database is in DATA_DIR
 */
export async function notePlace(dataDir: string, { home, because }: Place): Promise<string | undefined> {
  const { inside } = await places(dataDir);
  if (home === inside) return undefined;
  if ((await readPointer(dataDir)) !== home) {
    const lines = [
      `The database of this folder lives in\n\n  ${home}\n`,
      `${because ?? 'It was put there by an earlier start'}.\n`,
      'Back both up together. To start with an empty database, stop the server and delete both.\n',
    ];
    await mkdir(dataDir, { recursive: true });
    await writeFile(path.join(dataDir, POINTER), lines.join('\n'));
  }
  return `The database of DATA_DIR ${dataDir} lives in ${home}${because ? `: ${because}` : ` (${POINTER} there says why)`}`;
}
