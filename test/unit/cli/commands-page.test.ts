import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { makeProgram } from '../../../src/cli/program.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const page = (name: string) => readFileSync(path.join(root, 'docs', name), 'utf8');
const rows = `${page('commands.md')}${page('command-line.md')}`
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split(/(?<!\\)\|/)[1] ?? '');

const nobody = () => {
  throw new Error('not called');
};
const program = await makeProgram(
  { version: '0', env: {}, setUp: nobody, stdin: nobody, out: {} as never, hints: {} as never },
  { out: '', err: '' },
);

interface Leaf {
  name: string;
  command: Command;
}

const leaves = (command: Command, names: string[] = []): Leaf[] =>
  command.commands.length === 0
    ? [{ name: names.join(' '), command }]
    : command.commands.flatMap((each) => leaves(each, [...names, each.name()]));

/** Options that the page explains once for all commands. */
const EXPLAINED = ['--url', '--key', '--client-id', '--vault-id', '--entry-id', '--text', '--summary'];

/** Those of a command that its row must have. */
const optionsOf = ({ name, command }: Leaf): string[] => {
  const all = command.options.map(({ short, long }) => (short?.startsWith('--') ? short : long) ?? '');
  return all.filter((option) => !name.startsWith('vault ') || !EXPLAINED.includes(option));
};

describe('the pages of the commands', () => {
  test.each(leaves(program))('$name has a row with its options and no others', (leaf) => {
    const own = rows.filter((row) => new RegExp(`\`(?:(?:npx )?vault-relay )?${leaf.name}[ \`]`).test(row));
    expect(own).not.toEqual([]);
    const named = new Set(own.join(' ').match(/--[a-z-]+/g));
    expect([...named].toSorted()).toEqual(optionsOf(leaf).toSorted());
  });

  test('no row is about a command that does not exist', () => {
    const names = leaves(program).map(({ name }) => name);
    const known = (row: string) =>
      names.some((name) => row.includes(`vault-relay ${name} `) || row.includes(`vault-relay ${name}\``));
    expect(rows.filter((row) => row.includes('vault-relay ') && !known(row))).toEqual([]);
  });

  test.each(EXPLAINED)('%s is explained once for all commands', (option) => {
    expect(page('command-line.md')).toContain(`\`${option} <`);
  });
});
