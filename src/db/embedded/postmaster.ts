import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { open, rename, stat } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { type Binaries, childEnv } from './binaries.ts';
import { EmbeddedError } from './error.ts';
import { clusterOf, logFileOf } from './home.ts';
import { processIdentity, signal, until } from './process.ts';
import { OWNER_SETTING, type OwnerKind, ownerSetting, readPidFile } from './running.ts';
import type { RunAs } from './user.ts';

const LOG_LIMIT_BYTES = 1_000_000;
/** Replaying the log of a long outage takes its time; PostgreSQL says "ready" when it is through. */
const START_LIMIT_MS = 120_000;
const FAST_STOP_MS = 10_000;
/** PostgreSQL itself kills what is left five seconds after SIGQUIT. */
const IMMEDIATE_STOP_MS = 7_000;

/** A PostgreSQL that this process started. */
export interface Postmaster {
  pid: number;
  port: number;
  /** Resolves, when it has ended, with how. */
  ended: Promise<string>;
  stop(): Promise<void>;
}

export interface StartOptions {
  home: string;
  binaries: Binaries;
  runAs: RunAs;
  owner: OwnerKind;
  /** Further arguments of `postgres`; they win over ours. */
  flags: string[];
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const settings = (port: number, owner: OwnerKind): string[] =>
  Object.entries({
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    // What it says of failed statements would put the vaults' texts on disk a second time, and the server logs them.
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_checkpoints: 'off',
    [OWNER_SETTING]: ownerSetting(owner),
  }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);

/** A file rather than a pipe: nobody need read it, and PostgreSQL outlives us without choking on it. */
async function openLog({ home, runAs }: StartOptions) {
  const file = logFileOf(home);
  // The first start has no log yet; another fault shows when the file is opened.
  const size = (await stat(file).catch(() => undefined))?.size ?? 0;
  if (size > LOG_LIMIT_BYTES) await rename(file, `${file}.1`);
  const { O_APPEND, O_CREAT, O_RDWR, O_NOFOLLOW } = constants;
  const log = await open(file, O_APPEND | O_CREAT | O_RDWR | O_NOFOLLOW, 0o600);
  // The database of a user that root started once must stay that user's to start.
  if (runAs) await log.chown(runAs.uid, runAs.gid);
  return log;
}

type LogFile = Awaited<ReturnType<typeof openLog>>;

/** The lines that say why it ended, of what was written since `from`; the last line if none does. */
async function lastWords(log: LogFile, from: number): Promise<string> {
  const { size } = await log.stat();
  const start = Math.max(from, size - 16_384);
  const { buffer, bytesRead } = await log.read(
    Buffer.alloc(Math.max(size - start, 1)),
    0,
    size - start,
    start,
  );
  const lines = buffer.toString('utf8', 0, bytesRead).split('\n').filter(Boolean);
  const telling = lines.filter((line) => /\b(FATAL|PANIC|ERROR):/.test(line));
  return (telling.length > 0 ? telling : lines)
    .slice(-3)
    .map((line) => line.replace(/^.*?\[\d+\] /, ''))
    .join(' / ');
}

function whenEnded(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, by) => resolve(by ? `killed by ${by}` : `exit code ${code}`));
  });
}

/** If the process ends without stop(), PostgreSQL is told to end too; a signal is all there is time for. */
function stopAtExit(pid: number, ended: Promise<string>): void {
  const atExit = () => {
    signal(pid, 'SIGINT');
  };
  process.once('exit', atExit);
  void ended.then(() => process.off('exit', atExit));
}

function handleOf(
  child: ChildProcess,
  place: { pid: number; port: number },
  ended: Promise<string>,
): Postmaster {
  return {
    ...place,
    ended,
    async stop() {
      // The id of a process that has been waited for may be another's by now.
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.ref();
      await stopPostmaster(place.pid);
      await ended;
    },
  };
}

async function attempt(options: StartOptions, log: LogFile): Promise<Postmaster | string> {
  const { home, binaries, runAs, owner, flags } = options;
  const [port, { size }] = [await freePort(), await log.stat()];
  const args = ['-D', clusterOf(home), ...settings(port, owner), ...flags];
  // A process group of its own: Ctrl-C in the terminal reaches us alone, and we stop it in order.
  const child = spawn(binaries.postgres, args, {
    ...runAs,
    cwd: '/',
    env: childEnv(),
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  let how: string | undefined;
  const ended = whenEnded(child);
  void ended.then((text) => {
    how = text;
  });
  child.unref();
  const { pid } = child;
  if (pid === undefined) return ended;
  stopAtExit(pid, ended);
  const outcome = await until(async () => {
    if (how !== undefined) return how;
    const file = await readPidFile(home);
    return file?.pid === pid && file.ready ? 'ready' : undefined;
  }, START_LIMIT_MS);
  if (outcome === 'ready') return handleOf(child, { pid, port }, ended);
  if (outcome === undefined) await stopPostmaster(pid);
  return (await lastWords(log, size)) || outcome || `not ready within ${START_LIMIT_MS / 1000} seconds`;
}

/**
 * Starts PostgreSQL on a free port and waits until it accepts connections.
 * @returns undefined when another one has these files, or what one that was killed left is still ending: look again
 * @throws EmbeddedError with PostgreSQL's own last words
 */
export async function startPostmaster(options: StartOptions): Promise<Postmaster | undefined> {
  const log = await openLog(options);
  try {
    for (let tries = 1; ; tries++) {
      const result = await attempt(options, log);
      if (typeof result !== 'string') return result;
      if (/lock file "postmaster.pid" already exists|pre-existing shared memory block/.test(result)) return;
      // Someone took the port between our look and PostgreSQL's.
      if (/could not create any TCP\/IP sockets/.test(result) && tries < 5) continue;
      throw new EmbeddedError(
        `The embedded PostgreSQL in ${options.home} did not start (${result}): see ${logFileOf(options.home)}, or set DATABASE_URL.`,
      );
    }
  } finally {
    await log.close();
  }
}

/**
 * Stops PostgreSQL in order (open transactions are rolled back), by force when that takes longer than ten seconds.
 * @throws EmbeddedError when it outlives even that
 */
export async function stopPostmaster(pid: number): Promise<void> {
  const identity = processIdentity(pid);
  const gone = () => processIdentity(pid) !== identity || undefined;
  if (identity === undefined || !signal(pid, 'SIGINT') || (await until(gone, FAST_STOP_MS))) return;
  if (!signal(pid, 'SIGQUIT') || (await until(gone, IMMEDIATE_STOP_MS))) return;
  throw new EmbeddedError(`PostgreSQL (process ${pid}) does not stop: end it by hand.`);
}
