import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from './config.ts';

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
    },
    isTerminal
      ? pretty({ destination: 2, sync: true, translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname' })
      : pino.destination({ dest: 2, sync: true }),
  );
}
