#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isatty } from 'node:tty';
import { Output } from './cli/output.ts';
import { run } from './cli/run.ts';

const STDERR = 2;

const { version } = JSON.parse(
  readFileSync(path.resolve(import.meta.dirname, '../package.json'), 'utf8'),
) as { version: string };

process.exitCode = await run(process.argv.slice(2), {
  version,
  env: process.env,
  folder: () => process.cwd(),
  stdin: () => process.stdin,
  out: new Output(process.stdout),
  hints: new Output(process.stderr),
  isTerminal: isatty(STDERR),
});
