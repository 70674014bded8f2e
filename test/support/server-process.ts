import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { within } from './inbox.ts';

const root = path.resolve(import.meta.dirname, '../..');
const program = path.join(root, 'dist/main.js');

/** The built server in its own process. */
export interface ServerProcess {
  url: string;
  port: number;
  /** Sends SIGTERM. @returns the exit code */
  terminate(): Promise<number | null>;
  /** Kills the server at once, as a crash does. */
  kill(): Promise<void>;
  /** Suspends the server until `thaw`. */
  freeze(): void;
  thaw(): void;
}

/** Starts the built server. @param env variables in addition to the environment of the tests */
export async function startServerProcess(env: Record<string, string>): Promise<ServerProcess> {
  if (!existsSync(program)) throw new Error('The server is not built: run `npm run build` first.');
  const child = spawn(process.execPath, [program, 'serve'], {
    cwd: root,
    env: { ...process.env, HOST: '127.0.0.1', ...env },
  });
  let [printed, complaint] = ['', ''];
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  const listening = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      printed += chunk;
      const url = /listens on (http:\S+)/.exec(printed)?.[1];
      if (url) resolve(url);
    });
    void exited.then((code) => reject(new Error(`The server ended with ${code}:\n${complaint}`)));
  });
  try {
    const url = await within(listening, () => `the server to listen:\n${complaint}`, 20_000);
    return {
      url,
      port: Number(new URL(url).port),
      terminate: () => {
        child.kill('SIGTERM');
        return within(exited, () => `the server to stop:\n${complaint}`, 15_000);
      },
      kill: async () => {
        child.kill('SIGKILL');
        await exited;
      },
      freeze: () => void child.kill('SIGSTOP'),
      thaw: () => void child.kill('SIGCONT'),
    };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}
