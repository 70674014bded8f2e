import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { afterAll, beforeAll, inject } from 'vitest';
import { Output } from '../../src/cli/output.ts';
import { run as runCommand } from '../../src/cli/run.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** The built program; `npm test` builds it first. */
const program = path.join(root, 'dist/main.js');

const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A running `vault-relay`, its output as it comes. */
export class Program {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly finished: Promise<Finished>;
  readonly #watchers = new Set<() => void>();

  constructor(args: string[], env: NodeJS.ProcessEnv, cwd = root) {
    this.child = spawn(process.execPath, [program, ...args], { env: { ...cleanEnv(), ...env }, cwd });
    const took = (stream: 'stdout' | 'stderr') => (chunk: Buffer) => {
      this[stream] += chunk;
      for (const watcher of this.#watchers) watcher();
    };
    this.child.stdout?.on('data', took('stdout'));
    this.child.stderr?.on('data', took('stderr'));
    this.finished = new Promise((resolve) => {
      this.child.once('close', (code) => {
        resolve({ code, stdout: this.stdout, stderr: this.stderr });
        for (const watcher of this.#watchers) watcher();
      });
    });
  }

  /** Resolves with the first match in the output. @throws Error when the program ends without it */
  async printed(pattern: RegExp, stream: 'stdout' | 'stderr' = 'stdout'): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this[stream]);
      if (match) return match;
      const ended = await Promise.race([this.#more().then(() => undefined), this.finished]);
      const last = pattern.exec(this[stream]);
      if (last) return last;
      if (ended) throw new Error(`Ended with ${ended.code} before printing ${pattern}:\n${this.stderr}`);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      const watcher = () => {
        this.#watchers.delete(watcher);
        resolve();
      };
      this.#watchers.add(watcher);
    });
  }
}

/** Settings of the machine must not reach the program under test. */
function cleanEnv(): NodeJS.ProcessEnv {
  const {
    DATABASE_URL: _url,
    DATA_DIR: _dir,
    PORT: _port,
    HOST: _host,
    LOG_LEVEL: _level,
    REDIS_URL: _redis,
    VAULT_RELAY_URL: _server,
    VAULT_RELAY_KEY: _key,
    VAULT_RELAY_CLIENT_ID: _client,
    ...rest
  } = process.env;
  // The file of `vault-relay login`.
  return { ...rest, XDG_CONFIG_HOME: '/nowhere' };
}

/** Runs a command to its end. */
export const run = (args: string[], env: NodeJS.ProcessEnv, cwd?: string): Promise<Finished> =>
  new Program(args, env, cwd).finished;

/**
 * Runs a command within this process, which takes a tenth of the time, to test its output and effects. Its log goes to the
 * stderr of the tests.
 * @param out where its stdout goes; by default into `stdout` @param input its stdin
 */
export async function runHere(
  args: string[],
  env: NodeJS.ProcessEnv,
  { cwd = root, out, input = '' }: { cwd?: string; out?: Writable; input?: string } = {},
): Promise<Finished> {
  const texts = { stdout: '', stderr: '' };
  const into = (name: keyof typeof texts) =>
    new Writable({
      decodeStrings: false,
      write(chunk, _, done) {
        texts[name] += chunk;
        done();
      },
    });
  const code = await runCommand(args, {
    version,
    env: { ...cleanEnv(), ...env },
    folder: () => cwd,
    stdin: () => Readable.from([Buffer.from(input)]),
    out: new Output(out ?? into('stdout')),
    hints: new Output(into('stderr')),
    isTerminal: false,
  });
  return { code, ...texts };
}

/** Starts a server on a free port and waits until it listens. */
export async function serve(env: NodeJS.ProcessEnv): Promise<{ program: Program; url: string }> {
  // Back-pressure is off, because concurrent tests may overload the server.
  const own = { PORT: '0', RATE_LIMIT_PER_MINUTE: '0', PRESSURE_EVENT_LOOP_MS: '0' };
  const program = new Program(['serve'], { ...own, ...env });
  const [, url = ''] = await program.printed(/listens on (http:\S+)/);
  return { program, url };
}

/** Shuts a server down gracefully. */
export async function stop(program: Program): Promise<Finished> {
  program.signal('SIGTERM');
  return program.finished;
}

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'vault-relay-process-'));
  // PostgreSQL does not run as root, and its user needs access to this folder.
  await chmod(folder, 0o755);
  return folder;
}

/** A folder for one test, removed afterwards. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await makeFolder();
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Copies a stopped, migrated database into a DATA_DIR, for tests that do not test the first start. */
export async function fillFolder(folder: string): Promise<void> {
  const template = inject('dataDir');
  if (template) await promisify(execFile)('cp', ['-a', `${template}/.`, folder]);
  else await migrate({ DATA_DIR: folder });
}

/** A DATA_DIR with a migrated database for one test, removed afterwards. */
export const withDataDir = <T>(work: (dataDir: string) => Promise<T>): Promise<T> =>
  withFolder(async (folder) => {
    await fillFolder(folder);
    return work(folder);
  });

/**
 * One DATA_DIR with a migrated database for all tests of a file.
 * @returns a function that runs a test on it
 */
export function useDataDir(): (work: (dataDir: string) => Promise<void>) => Promise<void> {
  let folder: string;
  beforeAll(async () => {
    folder = await makeFolder();
    await fillFolder(folder);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return (work) => work(folder);
}

/** Makes and migrates the database of an environment. */
export async function migrate(env: NodeJS.ProcessEnv): Promise<void> {
  const { stderr, code } = await runHere(['migrate'], env);
  if (code !== 0) throw new Error(`migrate ended with ${code}: ${stderr}`);
}

/** Makes a session by the command line, in an existing database. @returns its id */
export async function createSession(env: NodeJS.ProcessEnv, astation: string): Promise<string> {
  const { stdout, stderr, code } = await runHere(
    ['session', 'create', '--astation', astation, '--json'],
    env,
  );
  if (code !== 0) throw new Error(`session create ended with ${code}: ${stderr}`);
  return (JSON.parse(stdout) as { session_id: string }).session_id;
}
