import type { Writable } from 'node:stream';
import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';
import { escapeJson, escapeText, toJson } from '../printable.ts';
import { explainSystemError } from './complaint.ts';
import { formatTable } from './table.ts';

/** Escapes a line of a text that may have tabs, as code has. */
const escapeLine = (line: string) => line.split('\t').map(escapeText).join('\t');

/** Characters that are written together. */
const CHUNK = 65_536;

/** The program that read the output has ended, as `head` does once it has enough. */
export class ReaderGoneError extends Error {
  override readonly name = 'ReaderGoneError';
}

/** The output cannot be written; the message has the reason. */
export class OutputError extends Error {
  override readonly name = 'OutputError';
}

type Rows<T> = Iterable<T> | AsyncIterable<T>;

/**
 * The one way from a command to stdout or stderr: strangers' text comes out escaped, and no row is fetched before the
 * rows ahead of it are written. Each method throws ReaderGoneError or OutputError.
 */
export class Output {
  readonly #stream: Writable;
  #waiting = '';

  constructor(stream: Writable) {
    this.#stream = stream;
    // The call that writes reports the error. Without a listener it would end the process.
    stream.on('error', () => undefined);
  }

  /** Whether a person reads the output. */
  get isTerminal(): boolean {
    return 'isTTY' in this.#stream && this.#stream.isTTY === true;
  }

  /** Whether the terminal shows colours, and the person has not refused them (NO_COLOR). */
  get #hasColours(): boolean {
    return this.isTerminal && 'hasColors' in this.#stream && (this.#stream as WriteStream).hasColors();
  }

  /** Prints one line at once. */
  async line(text: string): Promise<void> {
    await this.#add(`${escapeText(text)}\n`);
    await this.flush();
  }

  /** Prints text of our own that has several lines. */
  async text(text: string): Promise<void> {
    if (text === '') return;
    for (const line of text.replace(/\n$/, '').split('\n')) await this.#add(`${escapeText(line)}\n`);
    await this.flush();
  }

  /**
   * Prints a heading, and below it the text of a stranger. Its lines are indented, so that none passes for a heading.
   */
  async note(heading: string, text: string): Promise<void> {
    const safe = escapeText(heading);
    await this.#add(`${this.#hasColours ? styleText('cyan', safe, { validateStream: false }) : safe}\n`);
    for (const line of text.split(/\r?\n/)) await this.#add(`${`  ${escapeLine(line)}`.trimEnd()}\n`);
  }

  /** Prints a text that another program may use: unchanged, except on a terminal. */
  async bare(text: string): Promise<void> {
    if (!this.isTerminal) return this.#add(`${text}\n`);
    for (const line of text.split(/\r?\n/)) await this.#add(`${escapeLine(line)}\n`);
  }

  async table(head: string[], rows: Rows<string[]>): Promise<void> {
    for await (const line of formatTable(head, rows)) await this.#add(`${line}\n`);
  }

  /** Prints one JSON array. */
  async jsonArray(rows: Rows<unknown>): Promise<void> {
    let before = '[';
    for await (const row of rows) {
      await this.#add(before + toJson(row));
      before = ',';
    }
    await this.#add(before === '[' ? '[]\n' : ']\n');
  }

  /** Prints one line of JSON. */
  async json(value: unknown): Promise<void> {
    await this.#add(`${toJson(value)}\n`);
  }

  /** Prints a text that is JSON already, as it is but for escapes. */
  async jsonText(json: string): Promise<void> {
    await this.#add(escapeJson(json));
  }

  /** Writes what waits. A command that shows its progress calls it; the program does at its end. */
  async flush(): Promise<void> {
    const chunk = this.#waiting;
    this.#waiting = '';
    if (chunk === '') return;
    await new Promise<void>((resolve, reject) => {
      this.#stream.write(chunk, (error) => (error ? reject(explainWriteError(error)) : resolve()));
    });
  }

  async #add(safe: string): Promise<void> {
    this.#waiting += safe;
    if (this.#waiting.length >= CHUNK) await this.flush();
  }
}

function explainWriteError(error: NodeJS.ErrnoException): Error {
  if (error.code === 'EPIPE') return new ReaderGoneError('The reader closed the output.');
  return new OutputError(`The output cannot be written: ${explainSystemError(error)}.`, { cause: error });
}
