/** An answered request. */
export interface AnsweredRequest {
  method: string;
  /** The pattern of its route, never the actual path. */
  route: string;
  /** Name of the called operation, `batch` for several; empty for other requests. */
  operation: string;
  status: number;
  seconds: number;
}

/** Values read at scrape time, each with the label of its parts. */
export const GAUGES = {
  pool: { help: 'Connections of the database pool, and calls that wait for one.', label: 'state' },
  scans: {
    help: 'Reads that may scan many rows, running and queued, and the callers with queued ones.',
    label: 'state',
  },
  sockets: { help: 'Relay sockets that are open on this server.', label: 'role' },
  writeQueue: { help: 'Writes that wait for their statement.' },
  waiting: { help: 'Reads and subscriptions that wait for a write.' },
  bytesInFlight: { help: 'Bytes of answers that their readers have not taken yet.' },
  readCacheBytes: { help: 'Bytes of current views that are kept in memory.' },
  searchWaiting: { help: 'Work sessions whose rows this server is to index.' },
  searchLagSeconds: { help: 'How long the first of them has waited.' },
  searchRows: { help: 'Rows that this server has indexed since its start.' },
  searchBytes: { help: 'Bytes of the search index in the database, counted once a minute.' },
  replicas: {
    help: 'Servers that share the Redis, including this one; 0 without Redis, or while it is unreachable.',
  },
} as const satisfies Record<string, { help: string; label?: string }>;

export type GaugeName = keyof typeof GAUGES;

/** One number, or one for each value of the gauge's label. */
export type Reading = number | Readonly<Record<string, number>>;

/** Events that the server reports for metrics. No method throws, blocks, or costs more than a counter. */
export interface Metrics {
  answered(request: AnsweredRequest): void;
  /** Counts a refusal. @param cause an error code, or the reason why a connection never became a request */
  refused(cause: string): void;
  /** Counts a statement. @param writes the writes it contained */
  statementWrote(writes: number): void;
  /** Counts a read of a whole current view. */
  viewRead(from: 'memory' | 'database'): void;
  /** Counts a nudge. @param seconds between the commit and the nudge */
  nudged(seconds: number): void;
  /** Counts a message of another replica that this version does not understand. */
  unknownMessage(): void;
  /** Sets the source of a gauge and replaces an earlier source. */
  gauge(name: GaugeName, read: () => Reading): void;
}

const nothing = () => undefined;

/** Discards all metrics, for tests and for servers without a metrics endpoint. */
export const noMetrics: Metrics = {
  answered: nothing,
  refused: nothing,
  statementWrote: nothing,
  viewRead: nothing,
  nudged: nothing,
  unknownMessage: nothing,
  gauge: nothing,
};
