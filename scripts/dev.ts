import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { loadEnvironmentFile } from '../src/cli/environment.ts';

const root = path.resolve(import.meta.dirname, '..');
const bin = (name: string) => path.join(root, 'node_modules/.bin', name);

// Vite's proxy also needs PORT, which may be set in .env.
const env = { ...process.env };
loadEnvironmentFile(root, env);

/** On a change the server restarts, the scripts of the pages are compiled, and the dashboard reloads. */
const commands: [program: string, ...args: string[]][] = [
  ['tsx', 'watch', '--clear-screen=false', 'src/main.ts', 'serve'],
  ['tsc', '-p', 'tsconfig.browser.json', '--watch', '--preserveWatchOutput'],
  ['vite', '--config', 'vite.dashboard.config.ts', '--clearScreen', 'false', ...process.argv.slice(2)],
];

/** Each command has its own process group, so that Ctrl-C in a terminal reaches it only once, through this program. */
const children = commands.map(([program, ...args]) =>
  spawn(bin(program), args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'], detached: true }),
);

let stopping = false;
const stopAll = (): void => {
  if (stopping) return;
  stopping = true;
  for (const { pid, exitCode, signalCode } of children) {
    if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, 'SIGTERM');
  }
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stopAll);

/** The first command to end stops the others, because one part alone does not help. */
const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    child.once('exit', (code) => {
      process.exitCode ??= code ?? 0;
      stopAll();
      resolve();
    });
  });
await Promise.all(children.map(ended));
