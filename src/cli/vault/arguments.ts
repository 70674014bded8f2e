import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import type { Command } from 'commander';
import type { CommandDeps } from '../command.ts';
import { explainSystemError } from '../complaint.ts';

/** Adds the vault, by its place or as atem spells it. */
export const withVault = (command: Command): Command =>
  command.argument('[vault]', 'its id').option('--vault-id <id>', 'the same, as atem spells it');

/** @returns the vault of a command @throws CommanderError unless there is exactly one */
export function requireVault(command: Command, place: string | undefined): string {
  const { vaultId = place } = command.opts<{ vaultId?: string }>();
  if (vaultId === undefined) return command.error("error: missing required argument 'vault'");
  if (place !== undefined && place !== vaultId) return command.error('error: the vault is given twice');
  return vaultId;
}

/** Adds a vault and a text, which is an argument, an option as atem spells it, a file, or the input. */
export const withText = (command: Command): Command =>
  withVault(command)
    .argument('[text]', 'the text; `-`, or none where the input is not a terminal: read it from the input')
    .option('--text <text>', 'the same, as atem spells it')
    .option('--file <path>', 'read the text from a file');

/** The most that any server takes (`MAX_TEXT_BYTES`). */
const MAX_BYTES = 16_777_216;

/** The text of a write cannot be read. The message says why. */
export class TextError extends Error {
  override readonly name = 'TextError';
}

/** @returns what a file or the input holds, without the line break at its end @throws TextError */
async function readAll(name: string, input: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of input as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_BYTES) throw new TextError(`${name} holds more than ${MAX_BYTES} bytes.`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof TextError) throw error;
    throw new TextError(`${name} cannot be read: ${explainSystemError(error as NodeJS.ErrnoException)}.`);
  }
  const bytes = Buffer.concat(chunks);
  if (!isUtf8(bytes)) throw new TextError(`${name} is not text in UTF-8.`);
  const text = bytes.toString('utf8').replace(/\r?\n$/, '');
  // A script whose input is empty by mistake must not write an empty entry.
  if (text === '') throw new TextError(`${name} is empty.`);
  return text;
}

interface TextArguments {
  vault: string;
  /** Reads the text. @throws TextError */
  read(): Promise<string>;
}

/** Takes apart what `withText` added. @throws CommanderError unless there is one vault and one text */
export function requireText(
  command: Command,
  places: (string | undefined)[],
  stdin: CommandDeps['stdin'],
): TextArguments {
  const { vaultId, text: option, file } = command.opts<{ vaultId?: string; text?: string; file?: string }>();
  const given = places.filter((place) => place !== undefined);
  // After `--vault-id`, the first argument is the text.
  const [vault = vaultId, argument, ...rest] = vaultId === undefined ? given : [vaultId, ...given];
  if (vault === undefined) return command.error("error: missing required argument 'vault'");
  const texts = [argument, option, file].filter((each) => each !== undefined);
  if (texts.length > 1 || rest.length > 0) return command.error('error: the text is given twice');
  const text = argument ?? option;
  if (file !== undefined) return { vault, read: () => readAll(`The file ${file}`, createReadStream(file)) };
  if (text !== undefined && text !== '-') return { vault, read: async () => text };
  if (text === undefined && stdin().isTTY)
    return command.error("error: missing the text: an argument, '--file <path>', or '-' for the input");
  return { vault, read: () => readAll('The input', stdin()) };
}
