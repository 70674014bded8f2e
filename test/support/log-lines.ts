import pino, { type Logger } from 'pino';

export interface LogLine {
  level: number;
  msg: string;
  reqId?: string;
  [field: string]: unknown;
}

/** A logger that keeps every line of every level, without the redaction that guards the program's own. */
export function makeLogKeeper(): { log: Logger; lines: string[]; parsed(): LogLine[] } {
  const lines: string[] = [];
  const log = pino({ level: 'trace', base: null }, { write: (line: string) => void lines.push(line) });
  return { log, lines, parsed: () => lines.map((line) => JSON.parse(line) as LogLine) };
}
