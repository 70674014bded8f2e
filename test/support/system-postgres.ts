import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { appendFile, chown, mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Debian's folder for PostgreSQL's programs. */
const ROOT = '/usr/lib/postgresql';
const NEEDED = ['initdb', 'pg_ctl', 'pg_dump', 'pg_restore', 'pg_basebackup'];

function findTools(): string | undefined {
  if (!existsSync(ROOT)) return undefined;
  const folders = readdirSync(ROOT).map((version) => path.join(ROOT, version, 'bin'));
  return folders.findLast((bin) => NEEDED.every((program) => existsSync(path.join(bin, program))));
}

/** PostgreSQL does not run as root; Debian's package makes this user. */
function findUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** The system's PostgreSQL tools; undefined where they are not installed. */
export const TOOLS = findTools();
export const WHY_SKIPPED = `needs PostgreSQL's own tools under ${ROOT} (apt-get install postgresql)`;

export const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

/** Runs one of PostgreSQL's own programs, as the user that it runs as. */
export async function tool(program: string, args: string[]): Promise<void> {
  await run(path.join(TOOLS ?? '', program), args, { ...findUser(), cwd: '/' });
}

/** A folder that PostgreSQL's user may write into. */
export async function makeFolder(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const user = findUser();
  if (user) await chown(folder, user.uid, user.gid);
  return folder;
}

/** Adds settings to a stopped cluster. */
export const configure = (dir: string, lines: string[]): Promise<void> =>
  appendFile(path.join(dir, 'postgresql.conf'), `${lines.join('\n')}\n`);

export async function initCluster(dir: string): Promise<void> {
  await makeFolder(dir);
  await tool('initdb', ['-D', dir, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync']);
  await configure(dir, ["listen_addresses = '127.0.0.1'", "unix_socket_directories = ''", 'fsync = off']);
}

/** Runs work while a cluster is running, and shuts it down gracefully. */
export async function withCluster<T>(dir: string, work: (url: string) => Promise<T>): Promise<T> {
  const port = await freePort();
  await tool('pg_ctl', ['start', '-w', '-D', dir, '-o', `-p ${port}`, '-l', path.join(dir, 'log')]);
  try {
    return await work(`postgres://postgres@127.0.0.1:${port}/postgres`);
  } finally {
    await tool('pg_ctl', ['stop', '-w', '-D', dir, '-m', 'fast']);
  }
}
