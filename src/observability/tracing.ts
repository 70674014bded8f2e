/** What a span says of itself. Never a secret, a text, or an address as it was sent. */
export type SpanAttributes = Record<string, string | number>;

/** A request that is traced. */
export interface RequestSpan {
  /** Runs work as part of the request: what it asks of the database becomes part of the trace. */
  run(work: () => void): void;
  /** @param status HTTP status, or undefined where the client left before */
  end(status: number | undefined, attributes: SpanAttributes): void;
}

/** Follows requests to the statements they cause. */
export interface Tracing {
  /** @param headers of the request; its `traceparent` is continued */
  startRequest(name: string, headers: Readonly<Record<string, unknown>>): RequestSpan;
  /**
   * Runs a statement under a span of the request that is being answered.
   * @param sql without its values
   * @param codeOf finds the SQLSTATE of a failure
   */
  statement<T>(
    sql: string,
    work: () => Promise<T>,
    codeOf: (error: unknown) => string | undefined,
  ): Promise<T>;
  /** Sends what is left. */
  close(): Promise<void>;
}

/** Follows nothing. */
export const noTracing: Tracing = {
  startRequest: () => ({ run: (work) => work(), end: () => undefined }),
  statement: (_sql, work) => work(),
  close: async () => undefined,
};
