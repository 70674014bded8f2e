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
/** PostgreSQL may have to replay a long log before it reports "ready". */
const START_LIMIT_MS = 120_000;
const FAST_STOP_MS = 10_000;
/** PostgreSQL itself kills its remaining processes five seconds after SIGQUIT. */
const IMMEDIATE_STOP_MS = 7_000;

/** A PostgreSQL that this process started. */
export interface Postmaster {
  pid: number;
  port: number;
  /** Resolves with the reason when it has ended. */
  ended: Promise<string>;
  stop(): Promise<void>;
}

export interface StartOptions {
  home: string;
  binaries: Binaries;
  runAs: RunAs;
  owner: OwnerKind;
  /** Further arguments of `postgres`; they override ours. */
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
    // Logs of failed statements would copy vault texts to disk. The server logs these failures itself.
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_checkpoints: 'off',
    [OWNER_SETTING]: ownerSetting(owner),
  }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);

/** Opens a log file. A pipe would need a reader, and would block a PostgreSQL that outlives this process. */
async function openLog({ home, runAs }: StartOptions) {
  const file = logFileOf(home);
  // The first start has no log yet. Opening the file reports any other fault.
  const size = (await stat(file).catch(() => undefined))?.size ?? 0;
  if (size > LOG_LIMIT_BYTES) await rename(file, `${file}.1`);
  const { O_APPEND, O_CREAT, O_RDWR, O_NOFOLLOW } = constants;
  const log = await open(file, O_APPEND | O_CREAT | O_RDWR | O_NOFOLLOW, 0o600);
  // The user that owns the database must still be able to start it after root has.
  if (runAs) await log.chown(runAs.uid, runAs.gid);
  return log;
}

type LogFile = Awaited<ReturnType<typeof openLog>>;

/** Reads the error lines that were logged since `from`; without any, the last lines. */
async function lastLogLines(log: LogFile, from: number): Promise<string> {
  const { size } = await log.stat();
  const start = Math.max(from, size - 16_384);
  const { buffer, bytesRead } = await log.read(
    Buffer.alloc(Math.max(size - start, 1)),
    0,
    size - start,
    start,
  );
  const lines = buffer.toString('utf8', 0, bytesRead).split('\n').filter(Boolean);
  const errors = lines.filter((line) => /\b(FATAL|PANIC|ERROR):/.test(line));
  return (errors.length > 0 ? errors : lines)
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

/** Stops PostgreSQL if this process ends without stop(). An exit handler only has time for a signal. */
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
      // After the exit, another process may have the same id.
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
  // Detached, so that Ctrl-C in the terminal reaches only this process, which then shuts PostgreSQL down.
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
  return (await lastLogLines(log, size)) || outcome || `not ready within ${START_LIMIT_MS / 1000} seconds`;
}

/**
 * Starts PostgreSQL on a free port and waits until it accepts connections.
 * @returns undefined when another PostgreSQL uses these files, or processes of a killed one are still ending; retry then
 * @throws EmbeddedError with the last lines of PostgreSQL's log
 */
export async function startPostmaster(options: StartOptions): Promise<Postmaster | undefined> {
  const log = await openLog(options);
  try {
    for (let tries = 1; ; tries++) {
      const result = await attempt(options, log);
      if (typeof result !== 'string') return result;
      if (/lock file "postmaster.pid" already exists|pre-existing shared memory block/.test(result)) return;
      // Another program took the port between our check and PostgreSQL's start.
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
 * Shuts PostgreSQL down (open transactions are rolled back); by force when that takes longer than ten seconds.
 * @throws EmbeddedError when that does not end it either
 */
export async function stopPostmaster(pid: number): Promise<void> {
  const identity = processIdentity(pid);
  const gone = () => processIdentity(pid) !== identity || undefined;
  if (identity === undefined || !signal(pid, 'SIGINT') || (await until(gone, FAST_STOP_MS))) return;
  if (!signal(pid, 'SIGQUIT') || (await until(gone, IMMEDIATE_STOP_MS))) return;
  throw new EmbeddedError(`PostgreSQL (process ${pid}) does not stop: end it by hand.`);
}
