import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import type { Bench } from './compare.ts';
import { drawPlot } from './plot.ts';
import { lineOf, toJson } from './report.ts';
import { type Result, type Row, reaches } from './row.ts';
import { growthRows } from './rows/growth.ts';
import { listRows } from './rows/lists.ts';
import { mcpRows } from './rows/mcp.ts';
import { memoryRows } from './rows/memory.ts';
import { readRows } from './rows/reads.ts';
import { restRows } from './rows/rest.ts';
import { secretRows } from './rows/secrets.ts';
import { startRows } from './rows/start.ts';
import { waitingRows } from './rows/waiting.ts';
import { writeRows } from './rows/writes.ts';
import { ROOT } from './servers/program.ts';
import { Stage } from './stage.ts';

const ROWS: Row[] = [
  ...writeRows,
  ...readRows,
  ...listRows,
  ...restRows,
  ...mcpRows,
  ...growthRows,
  ...secretRows,
  ...waitingRows,
  ...startRows,
  ...memoryRows,
];

interface Options {
  json?: string;
  plot?: string;
  only?: string;
  quick?: true;
  profile?: string;
}

/** @throws Error that names an unknown key */
function choose(only: string | undefined): Row[] {
  if (only === undefined) return ROWS;
  const keys = only.split(',');
  const unknown = keys.find((key) => !ROWS.some((row) => row.key === key));
  if (unknown !== undefined) {
    throw new Error(`There is no row ${unknown}; the rows are ${ROWS.map(({ key }) => key).join(', ')}.`);
  }
  return ROWS.filter(({ key }) => keys.includes(key));
}

async function run(rows: Row[], bench: Bench): Promise<Result[]> {
  const results: Result[] = [];
  for (const row of rows) {
    const measurement = await row.measure(bench);
    const result = { ...measurement, row, ok: reaches(row, measurement.value) };
    console.log(lineOf(result));
    results.push(result);
  }
  return results;
}

const program = new Command('bench')
  .description(
    'Compares the server with the best that the machine can do. Exits with 1 when a figure misses its mark.',
  )
  .option('--json <file>', 'write {key: {value, unit}} to this file')
  .option('--plot <file>', 'draw how far each figure lies from its mark, as SVG')
  .option('--only <keys>', 'comma-separated keys of rows')
  .option('--quick', 'few short rounds: a rough estimate')
  .option('--profile <folder>', 'write CPU profiles of the servers to this folder, which slows the servers');
const options = program.parse().opts<Options>();

if (!existsSync(path.join(ROOT, 'dist/main.js'))) throw new Error('Build the server first: npm run build');
const rows = choose(options.only);
const stage = await Stage.open({ profile: options.profile });
try {
  const bench = options.quick ? { stage, rounds: 3, seconds: 0.5 } : { stage, rounds: 9, seconds: 1.5 };
  const results = await run(rows, bench);
  if (options.json) writeFileSync(options.json, toJson(results));
  if (options.plot) writeFileSync(options.plot, drawPlot(results));
  const missed = results.filter(({ ok }) => !ok).map(({ row }) => row.key);
  if (missed.length > 0) {
    console.error(`bench: missed ${missed.join(', ')}`);
    process.exitCode = 1;
  }
} finally {
  await stage.close();
}
