import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { GAUGES, type GaugeName, type Metrics, type Reading } from './metrics.ts';

/** Metrics in the Prometheus text format. */
export interface Exposition {
  metrics: Metrics;
  contentType: string;
  text(): Promise<string>;
}

const PREFIX = 'vault_relay_';

/** `writeQueue` → `vault_relay_write_queue` */
const nameOf = (gauge: string) => PREFIX + gauge.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const REQUEST_SECONDS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const NUDGE_SECONDS = [0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 5];
const WRITES = [1, 2, 4, 8, 16, 32, 64, 128, 256];

function makeGauges(registry: Registry): Metrics['gauge'] {
  const sources = new Map<GaugeName, () => Reading>();
  for (const [name, gauge] of Object.entries(GAUGES) as [GaugeName, { help: string; label?: string }][]) {
    new Gauge({
      name: nameOf(name),
      help: gauge.help,
      labelNames: gauge.label === undefined ? [] : [gauge.label],
      registers: [registry],
      collect() {
        const reading = sources.get(name)?.() ?? (gauge.label === undefined ? 0 : {});
        if (typeof reading === 'number') this.set(reading);
        else
          for (const [value, n] of Object.entries(reading)) this.set({ [gauge.label ?? 'kind']: value }, n);
      },
    });
  }
  return (name, read) => void sources.set(name, read);
}

/** Collects metrics of the server and its process: memory, CPU, file descriptors, event loop delay. */
export function makePrometheus(): Exposition {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: `${PREFIX}request_duration_seconds`,
    help: 'Time from the head of a request to the end of its answer; waiting reads have a separate route.',
    labelNames: ['method', 'route', 'operation', 'status'],
    buckets: REQUEST_SECONDS,
    registers,
  });
  const refusals = new Counter({
    name: `${PREFIX}refusals_total`,
    help: 'Calls, requests and connections that were refused.',
    labelNames: ['cause'],
    registers,
  });
  const writes = new Histogram({
    name: `${PREFIX}writes_per_statement`,
    help: 'Writes in one statement.',
    buckets: WRITES,
    registers,
  });
  const views = new Counter({
    name: `${PREFIX}views_total`,
    help: 'Whole current views that were read, from memory or from the database.',
    labelNames: ['source'],
    registers,
  });
  const nudges = new Histogram({
    name: `${PREFIX}nudge_delay_seconds`,
    help: 'Time from a committed write to the nudge of its atems.',
    buckets: NUDGE_SECONDS,
    registers,
  });
  const unknown = new Counter({
    name: `${PREFIX}unknown_messages_total`,
    help: 'Messages of other servers that this version does not understand and ignores.',
    registers,
  });
  return {
    metrics: {
      answered: ({ seconds, ...labels }) => requests.observe(labels, seconds),
      refused: (cause) => refusals.inc({ cause }),
      statementWrote: (count) => writes.observe(count),
      viewRead: (source) => views.inc({ source }),
      nudged: (seconds) => nudges.observe(seconds),
      unknownMessage: () => unknown.inc(),
      gauge: makeGauges(registry),
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}
