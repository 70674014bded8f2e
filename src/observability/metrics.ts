/** A request as it was answered. */
export interface AnsweredRequest {
  method: string;
  /** Its route's pattern, never its address. */
  route: string;
  /** Name of the operation that it called, `batch` for several; empty for anything else. */
  operation: string;
  status: number;
  seconds: number;
}

/** Values that are read when somebody asks for them, each with the label that tells its parts apart. */
export const GAUGES = {
  pool: { help: 'Connections of the database pool, and calls that wait for one.', label: 'state' },
  scans: {
    help: 'Reads that look through many rows: how many run and wait, and callers that wait.',
    label: 'state',
  },
  sockets: { help: 'Relay sockets that are open on this server.', label: 'role' },
  writeQueue: { help: 'Writes that wait for their statement.' },
  waiting: { help: 'Reads and subscriptions that wait for something to be written.' },
  bytesInFlight: { help: 'Bytes of answers that their readers have not taken yet.' },
  replicas: { help: 'Servers that share the Redis, this one included; 0 without one, or while it is away.' },
} as const satisfies Record<string, { help: string; label?: string }>;

export type GaugeName = keyof typeof GAUGES;

/** One number, or one for each value of the gauge's label. */
export type Reading = number | Readonly<Record<string, number>>;

/** What the parts of the server tell about themselves. Nothing here throws, waits, or costs more than a counter. */
export interface Metrics {
  answered(request: AnsweredRequest): void;
  /** Something was refused. @param cause an error code, or what stopped it before it was a request */
  refused(cause: string): void;
  /** A statement was sent that does so many writes. */
  statementWrote(writes: number): void;
  /** Atems were told of a write, so long after it was committed. */
  nudged(seconds: number): void;
  /** Another replica said something that this version does not understand. */
  unknownMessage(): void;
  /** Names where a value is read; the last one named counts. */
  gauge(name: GaugeName, read: () => Reading): void;
}

const nothing = () => undefined;

/** Keeps nothing: where nobody asks, or in a test. */
export const noMetrics: Metrics = {
  answered: nothing,
  refused: nothing,
  statementWrote: nothing,
  nudged: nothing,
  unknownMessage: nothing,
  gauge: nothing,
};
