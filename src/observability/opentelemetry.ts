import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Context,
  defaultTextMapGetter,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Tracing } from './tracing.ts';

export interface OpenTelemetryOptions {
  /** Base URL of an OTLP/HTTP collector; `/v1/traces` is appended. */
  endpoint: string;
  /** Fraction of requests to trace, unless the caller's `traceparent` has decided. */
  ratio: number;
  serviceName: string;
  version: string;
  /** Called when spans could not be sent. */
  onLost(reason: string): void;
}

const EXPORT_TIMEOUT_MS = 2000;

/** `SELECT`, `INSERT`, `WITH`: the first word of a statement. */
const verbOf = (sql: string) => /[a-z]+/i.exec(sql)?.[0].toUpperCase() ?? 'SQL';

/** Reports failed exports to `onLost`, because the exporter does not. */
function makeExporter({ endpoint, onLost }: OpenTelemetryOptions): SpanExporter {
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: EXPORT_TIMEOUT_MS,
  });
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.error) onLost(result.error.message);
        done(result);
      }),
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  };
}

function makeProvider(options: OpenTelemetryOptions): TracerProvider {
  const { ratio, serviceName, version } = options;
  return new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName, 'service.version': version }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [new BatchSpanProcessor({ exporter: makeExporter(options) })],
  });
}

/** Traces requests and their statements, and sends the spans to a collector by OTLP over HTTP. */
export function makeOpenTelemetry(options: OpenTelemetryOptions): Tracing {
  const provider = makeProvider(options);
  const tracer = provider.getTracer('vault-relay', options.version);
  const propagator = new W3CTraceContextPropagator();
  const current = new AsyncLocalStorage<Context>();

  return {
    startRequest(name, headers) {
      const caller = propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
      const span = tracer.startSpan(name, { kind: SpanKind.SERVER }, caller);
      const context = trace.setSpan(caller, span);
      return {
        run: (work) => current.run(context, work),
        end: (status, attributes) => {
          span.setAttributes(attributes);
          if (attributes['http.route'] !== undefined) span.updateName(`${name} ${attributes['http.route']}`);
          if (status !== undefined) span.setAttribute('http.response.status_code', status);
          // 501 is not a failure, because it only names a feature that the server does not have.
          if (status === undefined || (status >= 500 && status !== 501))
            span.setStatus({ code: SpanStatusCode.ERROR });
          span.end();
        },
      };
    },

    async statement(sql, work, codeOf) {
      const parent = current.getStore();
      if (!parent) return work();
      const attributes = {
        'db.system.name': 'postgresql',
        'db.operation.name': verbOf(sql),
        'db.query.text': sql,
      };
      const span = tracer.startSpan(verbOf(sql), { kind: SpanKind.CLIENT, attributes }, parent);
      try {
        return await work();
      } catch (error) {
        span.setStatus({ code: SpanStatusCode.ERROR });
        // Records only the code, because the message may contain a value.
        const code = codeOf(error);
        if (code !== undefined) span.setAttribute('db.response.status_code', code);
        throw error;
      } finally {
        span.end();
      }
    },

    // Errors are ignored here, because `onLost` has reported them.
    close: () => provider.shutdown().catch(() => undefined),
  };
}
