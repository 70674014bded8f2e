import type { FastifyBaseLogger } from 'fastify';
import type { Config } from '../config.ts';
import { type Metrics, noMetrics } from './metrics.ts';
import type { Exposition } from './prometheus.ts';
import { noTracing, type Tracing } from './tracing.ts';

/** The metrics and tracing of a server. */
export interface Observability {
  metrics: Metrics;
  tracing: Tracing;
  /** Undefined if no metrics endpoint is configured; metrics are then discarded. */
  exposition: Exposition | undefined;
}

export const noObservability: Observability = {
  metrics: noMetrics,
  tracing: noTracing,
  exposition: undefined,
};

/** Opens the configured metrics and tracing. Loads their packages only if needed. */
export async function openObservability(
  config: Config,
  { log, version }: { log: FastifyBaseLogger; version: string },
): Promise<Observability> {
  const { metricsPort, metricsToken, traces } = config;
  const wantsMetrics = metricsPort !== undefined || metricsToken !== undefined;
  const exposition = wantsMetrics ? (await import('./prometheus.ts')).makePrometheus() : undefined;
  const tracing = traces
    ? (await import('./opentelemetry.ts')).makeOpenTelemetry({
        ...traces,
        version,
        onLost: (reason) => log.warn({ reason }, 'Could not send traces'),
      })
    : noTracing;
  return { metrics: exposition?.metrics ?? noMetrics, tracing, exposition };
}
