import { CommanderError } from 'commander';
import { ExitCode, type Input } from './command.ts';
import { explainFailure } from './complaint.ts';
import { type Output, ReaderGoneError } from './output.ts';
import { makeProgram, type Said } from './program.ts';

/** The environment of the program. */
export interface Surroundings {
  version: string;
  /** A `.env` file adds to it. */
  env: NodeJS.ProcessEnv;
  /** @returns the working directory */
  folder(): string;
  /** @returns the input of the program */
  stdin(): Input;
  out: Output;
  hints: Output;
  /** Whether log lines are read on a terminal. */
  isTerminal: boolean;
}

type Printers = Pick<Surroundings, 'out' | 'hints'>;

/** Commander puts its suggestion on a separate line. */
const onOneLine = (message: string) => message.replace(/\n(?=\(Did you mean )/, ' ');

async function explainUsage({ exitCode, message }: CommanderError, { out, hints }: Printers, said: Said) {
  await out.text(said.out);
  // If stderr is closed, the exit code suffices.
  await (said.err === '' && exitCode !== 0 ? hints.line(onOneLine(message)) : hints.text(said.err)).catch(
    () => undefined,
  );
  return exitCode === 0 ? 0 : 2;
}

/** Says why a command ended. @returns the exit code */
async function explain(thrown: unknown, printers: Printers, said: Said): Promise<number> {
  if (thrown instanceof CommanderError) return explainUsage(thrown, printers, said);
  // A reader that closes the output early is not a failure.
  if (thrown instanceof ReaderGoneError) return 0;
  if (thrown instanceof ExitCode) {
    await printers.out.flush();
    return thrown.code;
  }
  // If stderr is closed, the exit code still shows the failure.
  await printers.hints.line(`vault-relay: ${explainFailure(thrown)}`).catch(() => undefined);
  return 1;
}

/** Runs one command and prints its output. @returns the exit code: 0 done, 1 failed, 2 the command line was wrong */
export async function run(args: string[], surroundings: Surroundings): Promise<number> {
  const { version, env, folder, stdin, out, hints, isTerminal } = surroundings;
  const said: Said = { out: '', err: '' };
  const setUp = async ({ atWork } = { atWork: false }) => {
    // These load here, so that a client of a server does not wait for them.
    const { readConfig } = await import('../config.ts');
    const { openLog } = await import('../log.ts');
    const { loadEnvironmentFile } = await import('./environment.ts');
    loadEnvironmentFile(folder(), env);
    const config = readConfig(env);
    const level = !atWork && config.logLevel === 'info' ? 'warn' : config.logLevel;
    return { config, log: await openLog(level, { isTerminal }) };
  };
  try {
    const program = await makeProgram({ version, setUp, env, stdin, out, hints }, said, args[0]);
    await program.parseAsync(args, { from: 'user' });
    await out.flush();
    return 0;
  } catch (thrown) {
    // Reporting the failure may fail too.
    return explain(thrown, surroundings, said).catch((error) => explain(error, surroundings, said));
  }
}
