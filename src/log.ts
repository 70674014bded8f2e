import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from './config.ts';
import { escapeJson, escapeText } from './printable.ts';

/** Strangers' text in a log line must not move the cursor of a terminal; a stack keeps its own line breaks. */
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

/** JSON lines on stderr. A disk that is full there ends the log, not the program. */
function makeFile() {
  const destination = pino.destination({ dest: 2, sync: true });
  destination.on('error', () => undefined); // there is no other place to report it to
  return destination;
}

/**
 * The program's logger: JSON lines on stderr, readable ones where that is a terminal. stdout is for
 * what a command was asked for. Logs carry ids, never texts; the paths below are a second line of
 * defence for headers that a plugin may log.
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
