import { expect, test } from 'vitest';
import { noMetrics } from '../../src/observability/metrics.ts';
import { makePrometheus } from '../../src/observability/prometheus.ts';
import { parseExposition, readValue } from '../support/exposition.ts';

test('Prometheus reads the values of the components', async () => {
  const { metrics, text, contentType } = makePrometheus();
  metrics.answered({
    method: 'GET',
    route: '/api/vault',
    operation: 'vault.list',
    status: 200,
    seconds: 0.03,
  });
  metrics.answered({
    method: 'GET',
    route: '/api/vault',
    operation: 'vault.list',
    status: 200,
    seconds: 0.3,
  });
  metrics.answered({ method: 'GET', route: '/api/vault', operation: 'vault.list', status: 503, seconds: 6 });
  metrics.refused('TOO_MANY_REQUESTS');
  metrics.refused('TOO_MANY_REQUESTS');
  metrics.statementWrote(5);
  metrics.statementWrote(1);
  metrics.viewRead('memory');
  metrics.nudged(0.021);
  metrics.gauge('writeQueue', () => 7);
  metrics.gauge('pool', () => ({ total: 3, idle: 2, waiting: 0 }));
  metrics.gauge('pool', () => ({ total: 4, idle: 1, waiting: 9 }));

  const samples = parseExposition(await text());
  const duration = 'vault_relay_request_duration_seconds';
  const ok = { method: 'GET', route: '/api/vault', operation: 'vault.list', status: '200' };
  expect(contentType).toMatch(/^text\/plain/);
  expect(readValue(samples, `${duration}_count`, ok)).toBe(2);
  expect(readValue(samples, `${duration}_bucket`, { ...ok, le: '0.05' })).toBe(1);
  expect(readValue(samples, `${duration}_count`, { ...ok, status: '503' })).toBe(1);
  expect(readValue(samples, 'vault_relay_refusals_total', { cause: 'TOO_MANY_REQUESTS' })).toBe(2);
  expect(readValue(samples, 'vault_relay_writes_per_statement_sum')).toBe(6);
  expect(readValue(samples, 'vault_relay_writes_per_statement_count')).toBe(2);
  expect(readValue(samples, 'vault_relay_nudge_delay_seconds_bucket', { le: '0.03' })).toBe(1);
  expect(readValue(samples, 'vault_relay_views_total', { source: 'memory' })).toBe(1);
  expect(readValue(samples, 'vault_relay_write_queue')).toBe(7);
  expect(readValue(samples, 'vault_relay_waiting')).toBe(0);
  for (const [state, n] of [
    ['total', 4],
    ['idle', 1],
    ['waiting', 9],
  ] as const) {
    expect(readValue(samples, 'vault_relay_pool', { state })).toBe(n);
  }
});

test('the process is in it: memory, CPU, file descriptors, the delay of the event loop', async () => {
  const names = new Set(parseExposition(await makePrometheus().text()).map(({ name }) => name));
  for (const name of [
    'process_resident_memory_bytes',
    'process_cpu_seconds_total',
    'process_open_fds',
    'nodejs_eventloop_lag_p99_seconds',
    'nodejs_heap_size_used_bytes',
  ]) {
    expect(names).toContain(name);
  }
});

test('two servers of one process keep their metrics apart', async () => {
  const [one, other] = [makePrometheus(), makePrometheus()];
  one.metrics.refused('GONE');
  expect(readValue(parseExposition(await other.text()), 'vault_relay_refusals_total')).toBeUndefined();
});

test('without a reader, nothing is stored', () => {
  expect(
    noMetrics.answered({ method: 'GET', route: '/', operation: '', status: 200, seconds: 1 }),
  ).toBeUndefined();
  expect(noMetrics.gauge('pool', () => expect.unreachable())).toBeUndefined();
});
