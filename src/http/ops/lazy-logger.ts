import type { FastifyBaseLogger } from 'fastify';
import type { Bindings, ChildLoggerOptions, Logger } from 'pino';

/** What pino takes: a text, or an object and a text, and values for its placeholders. */
type Line = unknown[];

/**
 * The logger of one request, made when something is written, which at level `warn` is seldom: a child of pino writes
 * down at once what its lines have in common.
 */
export class LazyLogger implements FastifyBaseLogger {
  readonly #parent: Logger;
  readonly #bindings: Bindings;
  readonly #options: ChildLoggerOptions;
  #child: Logger | undefined;

  constructor(parent: Logger, bindings: Bindings, options: ChildLoggerOptions) {
    this.#parent = parent;
    this.#bindings = bindings;
    this.#options = options;
  }

  #made(): Logger {
    this.#child ??= this.#parent.child(this.#bindings, this.#options);
    return this.#child;
  }

  get level(): string {
    return this.#made().level;
  }
  set level(level: string) {
    this.#made().level = level;
  }
  isLevelEnabled(level: string): boolean {
    return (this.#child ?? this.#parent).isLevelEnabled(level);
  }
  child(bindings: Bindings, options?: ChildLoggerOptions): Logger {
    return this.#made().child(bindings, options);
  }
  fatal(...line: Line): void {
    this.#made().fatal(...(line as [string]));
  }
  error(...line: Line): void {
    this.#made().error(...(line as [string]));
  }
  warn(...line: Line): void {
    this.#made().warn(...(line as [string]));
  }
  info(...line: Line): void {
    this.#made().info(...(line as [string]));
  }
  debug(...line: Line): void {
    this.#made().debug(...(line as [string]));
  }
  trace(...line: Line): void {
    this.#made().trace(...(line as [string]));
  }
  silent(...line: Line): void {
    this.#made().silent(...(line as [string]));
  }
}
