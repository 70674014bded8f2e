import pino, { type Logger, type LoggerOptions } from 'pino';
import type { Config } from './config.ts';
import { escapeJson, escapeText } from './printable.ts';

/** Escapes control characters, so that client text cannot move a terminal's cursor. Keeps the line breaks of stacks. */
const escapeField = (name: string, value: unknown): unknown => {
  if (typeof value !== 'string') return value;
  return name === 'stack' ? value.split('\n').map(escapeText).join('\n') : escapeText(value);
};

/** Readable lines on stderr. */
async function makeTerminal() {
  const { default: pretty } = await import('pino-pretty');
  const stream = pretty({
    destination: 2,
    sync: true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname',
  });
  return {
    write: (line: string) => {
      stream.write(`${JSON.stringify(JSON.parse(line, escapeField))}\n`);
    },
  };
}

/** JSON lines on stderr. Ignores write errors, because a full disk must not stop the program. */
function makeFile() {
  const destination = pino.destination({ dest: 2, sync: true });
  destination.on('error', () => undefined); // there is no other place to report it to
  return destination;
}

/**
 * Opens the program's log: JSON lines on stderr, or readable lines if stderr is a terminal. stdout carries only the results of
 * commands. Logs contain ids, never vault texts. The redacted paths are a second line of defence against plugins that log
 * headers.
 */
export async function openLog(
  level: Config['logLevel'],
  { isTerminal }: { isTerminal: boolean },
): Promise<Logger> {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: ['req.headers', 'headers.authorization', '*.otp', '*.token', '*.session_id'],
    hooks: { streamWrite: escapeJson },
  };
  return pino(options, isTerminal ? await makeTerminal() : makeFile());
}
