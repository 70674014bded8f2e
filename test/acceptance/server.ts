import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');
const program = path.join(root, 'dist/main.js');

/** A server of the suite's own, as a user runs it: a process with an empty data folder. */
export interface OwnServer {
  url: string;
  stop(): Promise<void>;
}

/** Resolves with the address that the server prints when it listens. */
function readAddress(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = '';
    let complaint = '';
    child.stderr?.on('data', (chunk) => {
      complaint += chunk;
    });
    child.stdout?.on('data', (chunk) => {
      printed += chunk;
      const url = /listens on (http:\S+)/.exec(printed)?.[1];
      if (url) resolve(url);
    });
    child.once('exit', (code) => reject(new Error(`The server ended with ${code}:\n${complaint}`)));
  });
}

/** Starts the built server on a free port, with a data folder of its own unless `env` says otherwise. */
export async function startOwnServer(env: NodeJS.ProcessEnv = process.env): Promise<OwnServer> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'vault-relay-acceptance-'));
  // PostgreSQL does not run as root, and its user cannot pass a closed folder.
  await chmod(dataDir, 0o755);
  const childEnv = { ...env, PORT: '0', HOST: '127.0.0.1', DATA_DIR: dataDir };
  const child = spawn(process.execPath, [program, 'serve'], { env: childEnv, cwd: root });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    url: await readAddress(child),
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
