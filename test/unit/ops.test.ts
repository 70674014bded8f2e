import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ERROR_CODES } from '../../src/errors.ts';
import { makePrometheus } from '../../src/observability/prometheus.ts';
import { parseExposition } from '../support/exposition.ts';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string };
}
const rules = (parse(read('ops/alerts.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);

interface Panel {
  title: string;
  targets: { expr: string }[];
  gridPos: { x: number; y: number; w: number; h: number };
}
const { panels } = JSON.parse(read('ops/grafana-dashboard.json')) as { panels: Panel[] };

const expressions: [where: string, expr: string][] = [
  ...rules.map(({ alert, expr }) => [`alert ${alert}`, expr] as [string, string]),
  ...panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => [`panel ${title}`, expr] as [string, string]),
  ),
];

/** Metrics that Prometheus makes by itself. */
const OF_PROMETHEUS = ['up'];

/** What stands before `{`, `[`, a comparison or the end and is no function is a metric. */
const metricsOf = (expr: string) =>
  [...expr.matchAll(/\b((?:vault_relay|process|nodejs)_\w+|up(?=\{))/g)].map((match) => match[1] ?? '');

/** Values of a label that an expression asks for, alternatives of a pattern one by one. */
const valuesOf = (expr: string, label: string) =>
  [...expr.matchAll(new RegExp(`${label}=~?"([^"$]*)"`, 'g'))].flatMap((match) =>
    (match[1] ?? '').split('|'),
  );

/** Every name that is exported, with each label that its samples have. */
const exported = new Map<string, Set<string>>();
beforeAll(async () => {
  const { metrics, text } = makePrometheus();
  metrics.answered({ method: 'GET', route: '/', operation: '', status: 200, seconds: 1 });
  metrics.refused('GONE');
  metrics.statementWrote(1);
  metrics.viewRead('memory');
  metrics.nudged(1);
  metrics.gauge('pool', () => ({ total: 1, idle: 1, waiting: 0 }));
  metrics.gauge('scans', () => ({ running: 1, waiting: 0, callers: 0 }));
  metrics.gauge('sockets', () => ({ atem: 0, astation: 0 }));
  for (const { name, labels } of parseExposition(await text())) {
    const known = exported.get(name) ?? new Set(['instance', 'job']);
    for (const label of Object.keys(labels)) known.add(label);
    exported.set(name, known);
  }
});

test.each(expressions)('%s uses exported metrics', (_, expr) => {
  const asked = metricsOf(expr);
  expect(asked).not.toEqual([]);
  for (const name of asked) {
    if (!OF_PROMETHEUS.includes(name)) expect([...exported.keys()]).toContain(name);
  }
});

test.each(expressions)('%s uses existing labels and causes', (_, expr) => {
  for (const [, name = '', matchers = ''] of expr.matchAll(/(\w+)\{([^}]*)\}/g)) {
    if (OF_PROMETHEUS.includes(name)) continue;
    for (const [, label] of matchers.matchAll(/(\w+)(?:=~|!~|=|!=)"/g)) {
      expect([...(exported.get(name) ?? [])], `${name}{${label}}`).toContain(label);
    }
  }
  const busy = [
    'STATEMENT_TIMEOUT',
    'LOCK_TIMEOUT',
    'COLLISION',
    'DATABASE_EXHAUSTED',
    'POOL_BUSY',
    'SCANS_BUSY',
  ];
  const causes = [
    ...ERROR_CODES,
    ...busy,
    'REQUEST_TOO_SLOW',
    'TOO_MANY_CONNECTIONS',
    'HEADERS_TOO_LONG',
    'NOT_HTTP',
  ];
  expect(causes).toEqual(expect.arrayContaining(valuesOf(expr, 'cause')));
});

test('every metric of the server is on the dashboard', () => {
  const shown = new Set(panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => metricsOf(expr))));
  const own = [...exported.keys()]
    .filter((name) => name.startsWith('vault_relay_'))
    .map((name) => name.replace(/_(bucket|sum|count)$/, ''));
  for (const name of new Set(own)) {
    expect(
      [...shown].some((one) => one.replace(/_(bucket|sum|count)$/, '') === name),
      name,
    ).toBe(true);
  }
});

test('panels do not overlap', () => {
  const places = panels.map(({ gridPos }) => `${gridPos.x} ${gridPos.y}`);
  expect(new Set(places).size).toBe(places.length);
});

describe('docs/operations.md', () => {
  const page = read('docs/operations.md');

  test.each(rules.map(({ alert }) => alert))('explains %s and its remedy', (alert) => {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${alert}\``));
    const [, , meaning = '', doing = ''] = row?.split('|').map((cell) => cell.trim()) ?? [];
    expect(meaning.length).toBeGreaterThan(20);
    expect(doing.length).toBeGreaterThan(20);
  });

  test.each(
    [...new Set(expressions.flatMap(([, expr]) => metricsOf(expr)))].filter((name) =>
      name.startsWith('vault_relay_'),
    ),
  )('names %s', (name) => {
    expect(page).toContain(name.replace(/_(bucket|sum|count)$/, ''));
  });

  test('lists only existing alerts', () => {
    const named = [...page.matchAll(/^\| `(VaultRelay\w+)`/gm)].map((match) => match[1]);
    expect(named.sort()).toEqual(rules.map(({ alert }) => alert).sort());
  });
});

test('each alert has a severity and a sentence', () => {
  for (const { labels, annotations } of rules) {
    expect(['page', 'ticket', 'info']).toContain(labels.severity);
    expect(annotations.summary).toMatch(/\.$/);
  }
});
