import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runHere } from '../support/process.ts';

const exec = promisify(execFile);

/** The script of each shell, and the file that has it. */
const scripts: Record<string, string> = {};
let folder: string;
const fileOf = (shell: string) => path.join(folder, shell);
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'vault-relay-completion-'));
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout, stderr } = await runHere(['completion', shell], {});
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    scripts[shell] = stdout;
    await writeFile(fileOf(shell), stdout);
  }
});
afterAll(() => rm(folder, { recursive: true }));

const isInstalled = (shell: string) =>
  exec(shell, ['--version']).then(
    () => true,
    () => false,
  );
const hasBash = await isInstalled('bash');
const hasZsh = await isInstalled('zsh');
const hasFish = await isInstalled('fish');

/** What was typed, and what is offered. The last word is the one at the cursor. */
const OFFERS: [typed: string[], offered: string[]][] = [
  [['ver'], ['verify']],
  [
    ['vault', 'w'],
    ['write', 'watch'],
  ],
  [
    ['vault', 'read', '--kind', ''],
    ['content', 'summary', 'all'],
  ],
  [
    ['vault', 'write', 'v-1', '--e'],
    ['--entry', '--entry-id', '--expect'],
  ],
  [['vault', 'write', 'v-1', '--entry', ''], []],
  [['completion', 'z'], ['zsh']],
  [['key', 'create', '--astation', ''], []],
];

/** @returns what a shell prints that sources its script and completes */
async function offeredBy(shell: string, flags: string[], program: string): Promise<string[]> {
  const { stdout } = await exec(shell, [...flags, '-c', program]);
  const words = stdout.split('\n').map((line) => line.split('\t')[0] ?? '');
  return words.filter((word) => word !== '').toSorted();
}

const quoted = (words: string[]) => words.map((word) => `'${word}'`).join(' ');

test.skipIf(!hasBash).each(OFFERS)('in bash, after %j come %j (needs bash)', async (typed, offered) => {
  const program = `source ${fileOf('bash')}; COMP_WORDS=(vault-relay ${quoted(typed)}); COMP_CWORD=${typed.length}; _vault_relay`;
  const found = await offeredBy('bash', ['--norc'], `${program}; printf '%s\\n' "\${COMPREPLY[@]}"`);
  expect(found).toEqual(offered.toSorted());
});

/** Stands in for the editor of zsh, which no script can drive: the functions that it offers print what they get. */
const ZSH_EDITOR = `compdef() { }; _files() { }; compadd() { shift; print -l -- \${(M)@:#$words[CURRENT]*} }`;

test.skipIf(!hasZsh).each(OFFERS)('in zsh, after %j come %j (needs zsh)', async (typed, offered) => {
  const program = `${ZSH_EDITOR}; source ${fileOf('zsh')}; words=(vault-relay ${quoted(typed)}); CURRENT=$#words; _vault_relay`;
  expect(await offeredBy('zsh', ['-f'], program)).toEqual(offered.toSorted());
});

test.skipIf(!hasFish).each(OFFERS)('in fish, after %j come %j (needs fish)', async (typed, offered) => {
  const program = `source ${fileOf('fish')}; complete -C "vault-relay ${typed.join(' ')}"`;
  expect(await offeredBy('fish', ['--no-config'], program)).toEqual(offered.toSorted());
});

test('each script has every command, option and choice of the program', () => {
  for (const word of [
    'serve',
    'set-summary',
    'forget-key',
    'with-astations',
    'idempotency-key',
    'allow-secret',
    'plain',
    'fish',
  ])
    for (const [shell, script] of Object.entries(scripts))
      expect(script, shell).toMatch(new RegExp(`\\b${word}\\b`));
});
