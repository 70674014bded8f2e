import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { PROGRAMS, setUp, setUpAtem } from '../../../src/setup/clients.ts';

const page = readFileSync(path.resolve(import.meta.dirname, '../../../docs/agents.md'), 'utf8');
const [, connecting = ''] = page.split('\n## Connect an agent\n');
const [sections = ''] = connecting.split('\n## ');
const blocks = [...sections.matchAll(/^```(sh|json)\n(.*?)\n```$/gms)].map(([, kind, text]) => ({
  kind,
  text,
}));

const url = 'http://127.0.0.1:3000';

test('docs/agents.md shows what connects each program as the command line and the dashboard do, and nothing else', () => {
  const setups = [
    ...PROGRAMS.map((program) => setUp(program, { url, key: 'vr_…' })),
    setUpAtem({ url, workSession: 'my-astation' }),
  ];
  expect(blocks).toEqual(
    setups.map(({ text, file }) => ({ kind: file === undefined ? 'sh' : 'json', text: text.trimEnd() })),
  );
});

test('docs/agents.md names the file of each program that reads one', () => {
  for (const program of ['cursor', 'vscode'] as const)
    expect(sections).toContain(`\`${setUp(program, { url, key: '' }).file}\`:\n\n\`\`\`json`);
});
