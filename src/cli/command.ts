import type { Readable } from 'node:stream';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { Output } from './output.ts';

/** The input of the program. */
export type Input = Readable & { isTTY?: boolean };

/** What every command works with. */
export interface CommandDeps {
  version: string;
  /**
   * @param options.atWork logs what a server logs; other commands log warnings only, unless LOG_LEVEL asks for more
   * @throws ConfigError when a setting cannot be used
   */
  setUp(options?: { atWork: boolean }): Promise<{ config: Config; log: Logger }>;
  /** The environment alone, without a `.env` file: for the commands that are clients of a server. */
  env: NodeJS.ProcessEnv;
  /** @returns the input of the program, which nothing reads before */
  stdin(): Input;
  /** For what the command was asked. */
  out: Output;
  /** For what a person should know beside it. */
  hints: Output;
}

/** Ends a command that has said all there is to say. */
export class ExitCode extends Error {
  override readonly name = 'ExitCode';
  readonly code: number;

  constructor(code: number) {
    super(`ends with exit code ${code}`);
    this.code = code;
  }
}
