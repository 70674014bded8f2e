import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from './config.ts';
import { escapeJson, escapeText } from './printable.ts';

/** Escapes control characters, so that client text cannot move a terminal's cursor. Keeps the line breaks of stacks. */
const escapeField = (name: string, value: unknown): unknown => {
  if (typeof value !== 'string') return value;
  return name === 'stack' ? value.split('\n').map(escapeText).join('\n') : escapeText(value);
};

/** Readable lines on stderr. */
function makeTerminal() {
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
 * The program's logger: JSON lines on stderr, or readable lines if stderr is a terminal. stdout carries only the results of
 * commands. Logs contain ids, never vault texts. The redacted paths are a second line of defence against plugins that log
 * headers.
 */
export function makeLogger(level: Config['logLevel'], { isTerminal }: { isTerminal: boolean }): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: ['req.headers', 'headers.authorization', '*.otp', '*.token', '*.session_id'],
      hooks: { streamWrite: escapeJson },
    },
    isTerminal ? makeTerminal() : makeFile(),
  );
}
