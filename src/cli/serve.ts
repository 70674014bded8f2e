import { setFlagsFromString } from 'node:v8';
import { Command } from 'commander';
import type { Logger } from 'pino';
import { type CommandDeps, ExitCode } from './command.ts';
import { welcome } from './welcome.ts';

/** A terminal's Ctrl-C reaches a program under npm twice; only a later signal means "at once". */
const SAME_SIGNAL_MS = 1000;

/** Resolves at the first SIGINT, SIGTERM or SIGHUP; a second one ends the process without waiting. */
function untilSignal(log: Logger): Promise<string> {
  return new Promise((resolve) => {
    let first: number | undefined;
    const onSignal = (signal: NodeJS.Signals) => {
      if (first === undefined) {
        first = performance.now();
        resolve(signal);
      } else if (performance.now() - first > SAME_SIGNAL_MS) {
        log.warn({ signal }, 'Second signal: ending at once');
        process.exit(1);
      }
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
    // The terminal was closed.
    process.on('SIGHUP', onSignal);
  });
}

/** Runs until a signal. @returns the exit code */
async function serve({ setUp, version, out }: CommandDeps): Promise<number> {
  const { config, log } = await setUp({ atWork: true });
  // V8 would take what writes leave behind for long-lived, and stop every other second to collect it (docs/benchmarks.md).
  setFlagsFromString('--no-allocation-site-pretenuring');
  const signalled = untilSignal(log);
  // The server's modules load here, so that no other command waits for them.
  const { startServer } = await import('./start-server.ts');
  const server = await startServer(config, log, version);
  // A closed stdout must not stop the server.
  await out.text(welcome(server.url, config, server.link)).catch(() => undefined);
  const ended = await Promise.race([
    signalled.then((signal) => ({ code: 0, why: signal })),
    server.broken.then((why) => ({ code: 1, why })),
  ]);
  log.info({ reason: ended.why }, 'Stopping');
  await server.stop();
  log.info('Stopped');
  return ended.code;
}

/** `vault-relay serve`. */
export const makeServeCommand = (deps: CommandDeps): Command =>
  new Command('serve')
    .description('run the server: starts the database if none is configured, migrates, listens')
    .action(async () => {
      const code = await serve(deps);
      if (code !== 0) throw new ExitCode(code);
    });
