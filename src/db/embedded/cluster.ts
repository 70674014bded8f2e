import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  access,
  chmod,
  chown,
  constants,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Binaries, childEnv, usableBinaries } from './binaries.ts';
import { EmbeddedError, hasCode } from './error.ts';
import { chooseHome, clusterOf, type Place, passwordFileOf } from './home.ts';
import { processIdentity } from './process.ts';
import { isRoot, newOwner, type RunAs } from './user.ts';

const run = promisify(execFile);

/** Part of the name of a folder that this process fills, so that another start in it does not remove the folder. */
const THIS_RUN = `${process.pid}-${randomBytes(4).toString('hex')}`;

async function removeLeftovers(home: string): Promise<void> {
  const folder = path.dirname(home);
  for (const name of await readdir(folder)) {
    const pid = name.startsWith(`${path.basename(home)}.new-`) ? Number(name.split('-').at(-2)) : undefined;
    if (pid === undefined || name.includes(`.new-${THIS_RUN}`)) continue;
    if (pid !== process.pid && processIdentity(pid) !== undefined) continue;
    // An initdb whose parent was killed may be writing its last files.
    await rm(path.join(folder, name), { recursive: true, force: true, maxRetries: 10 });
  }
}

async function initdb(folder: string, binaries: Binaries, runAs: RunAs): Promise<void> {
  const args = [
    `--pgdata=${clusterOf(folder)}`,
    '--username=postgres',
    `--pwfile=${passwordFileOf(folder)}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // PostgreSQL's own collation, because an update of the system's C library could change the order of an index.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--data-checksums',
    '--no-instructions',
  ];
  try {
    await run(binaries.initdb, args, { ...runAs, cwd: '/', env: childEnv() });
  } catch (error) {
    const output = error instanceof Error && 'stderr' in error ? String(error.stderr) : '';
    if (/No space left on device|Check free disk space/.test(output))
      throw Object.assign(new Error(output), { code: 'ENOSPC' });
    const errors = output.split('\n').filter((line) => /error:|FATAL:|PANIC:/.test(line));
    throw new Error(errors[0]?.replace(/^.*?\[\d+\] /, '') ?? String(error), { cause: error });
  }
}

async function fill(folder: string, runAs: RunAs): Promise<void> {
  const cluster = clusterOf(folder);
  await mkdir(folder);
  // Only we may write here, so that PostgreSQL's user cannot misdirect root with a link.
  await chmod(folder, runAs ? 0o711 : 0o700);
  await mkdir(cluster, { mode: 0o700 });
  await writeFile(passwordFileOf(folder), randomBytes(24).toString('base64url'), { mode: 0o600 });
  if (runAs) {
    await chown(cluster, runAs.uid, runAs.gid);
    await chown(passwordFileOf(folder), runAs.uid, runAs.gid);
  }
  await initdb(folder, await usableBinaries(folder, runAs), runAs);
}

/** Moves the finished folder into place atomically. If another start was faster, its database is kept. */
async function settle(fresh: string, home: string): Promise<void> {
  try {
    await rename(fresh, home);
  } catch (error) {
    if (!hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
    if ((await readdir(home)).includes('cluster')) return;
    throw new EmbeddedError(`${home} contains files that are not a database of this server: move them away.`);
  }
}

async function build(home: string, runAs: RunAs): Promise<void> {
  const fresh = `${home}.new-${THIS_RUN}${randomBytes(4).toString('hex')}`;
  try {
    await fill(fresh, runAs);
    await settle(fresh, home);
  } finally {
    await rm(fresh, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** Creates DATA_DIR. @returns the topmost folder that was created, undefined if DATA_DIR existed */
async function makeDataDir(dataDir: string): Promise<string | undefined> {
  try {
    return await mkdir(dataDir, { recursive: true });
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
    // Node reports a read-only file system as ENOENT. Access to the last existing folder gives the true reason.
    let folder = path.dirname(dataDir);
    // The root folder exists, so the loop ends.
    while ((await stat(folder).catch(() => undefined)) === undefined) folder = path.dirname(folder);
    await access(folder, constants.W_OK);
    throw error;
  }
}

async function removeEmpty(folder: string, upTo: string): Promise<void> {
  for (let at = folder; ; at = path.dirname(at)) {
    await rmdir(at);
    if (at === upTo) return;
  }
}

/**
 * Creates the database of DATA_DIR. It is built in a temporary folder and renamed, so that a visible one is complete.
 * @returns its folder, and the reason if that is not inside DATA_DIR
 * @throws EmbeddedError or the error of the file system; then no files remain
 */
export async function createHome(dataDir: string): Promise<Place> {
  const runAs = await newOwner();
  const made = await makeDataDir(dataDir);
  try {
    // Checked now, because root ignores modes, and the note about another place is written last.
    await access(dataDir, constants.W_OK);
    if (made !== undefined && isRoot()) await chmod(dataDir, 0o755);
    const choice = await chooseHome(dataDir, runAs);
    await removeLeftovers(choice.home);
    await build(choice.home, runAs);
    return choice;
  } catch (error) {
    // An empty folder may remain. The error of the start is more important.
    if (made !== undefined) await removeEmpty(dataDir, made).catch(() => undefined);
    throw error;
  }
}

/** @throws EmbeddedError when another major version of PostgreSQL created the files */
export async function checkVersion(home: string, binaries: Binaries): Promise<void> {
  const version = Number.parseInt(await readFile(path.join(clusterOf(home), 'PG_VERSION'), 'utf8'), 10);
  if (version === binaries.major) return;
  throw new EmbeddedError(
    `The database in ${home} was created by PostgreSQL ${version} and this is PostgreSQL ${binaries.major}: run the release that created it, or move its data with pg_dump to a server that DATABASE_URL names.`,
  );
}
