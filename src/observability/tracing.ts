/** Attributes of a span. Never a secret, a vault's text, or a URL as sent. */
export type SpanAttributes = Record<string, string | number>;

/** The span of a request. */
export interface RequestSpan {
  /** Runs work inside the span, so that its database statements become child spans. */
  run(work: () => void): void;
  /** @param status HTTP status; undefined if the client disconnected first */
  end(status: number | undefined, attributes: SpanAttributes): void;
}

/** Traces requests and the statements they cause. */
export interface Tracing {
  /** @param headers of the request; its `traceparent` is continued */
  startRequest(name: string, headers: Readonly<Record<string, unknown>>): RequestSpan;
  /**
   * Runs a statement in a child span of the current request.
   * @param sql without its values
   * @param codeOf finds the SQLSTATE of a failure
   */
  statement<T>(
    sql: string,
    work: () => Promise<T>,
    codeOf: (error: unknown) => string | undefined,
  ): Promise<T>;
  /** Sends the remaining spans. */
  close(): Promise<void>;
}

/** Traces nothing. */
export const noTracing: Tracing = {
  startRequest: () => ({ run: (work) => work(), end: () => undefined }),
  statement: (_sql, work) => work(),
  close: async () => undefined,
};
