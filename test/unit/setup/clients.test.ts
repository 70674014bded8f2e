import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { type Program, setUp, setUpAtem, setUpByOperator, suggestName } from '../../../src/setup/clients.ts';

/** What each program of a text is given, when a shell runs the text: its name and its words, then the variables. */
function runInShell(text: string): string[] {
  const programs = ['claude', 'codex', 'gemini', 'npx', 'curl'];
  const stand = programs.map((name) => `${name}() { printf '%s\\n' ${name} "$@"; }`).join('\n');
  const end = `printf '%s\\n' "$VAULT_RELAY_KEY" "$ASTATION_RELAY_URL" "$ASTATION_RELAY_CODE"`;
  const printed = execFileSync('sh', ['-euc', `${stand}\n${text}\n${end}`], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, VAULT_RELAY_KEY: '', ASTATION_RELAY_URL: '', ASTATION_RELAY_CODE: '' },
  });
  return printed.split('\n').slice(0, -1);
}

const KEY = 'vr_4k9x2m0q7d1z_secret';
const BEARER = `Authorization: Bearer ${KEY}`;
const URLS = [
  'http://127.0.0.1:3000',
  'https://relay.example.org/a/b',
  `http://[::1]:1/it's "$HOME" \`id\` \\n & 团队`,
];

describe.each(URLS)('the address %s', (url) => {
  const mcp = `${url}/mcp`;
  const server = { url: mcp, headers: { Authorization: `Bearer ${KEY}` } };

  test.each<[Program, string[], string]>([
    [
      'claude-code',
      [
        'claude',
        'mcp',
        'add',
        '--scope',
        'user',
        '--transport',
        'http',
        'vault-relay',
        mcp,
        '--header',
        BEARER,
      ],
      '',
    ],
    [
      'codex',
      ['codex', 'mcp', 'add', 'vault-relay', '--url', mcp, '--bearer-token-env-var', 'VAULT_RELAY_KEY'],
      KEY,
    ],
    [
      'gemini',
      [
        'gemini',
        'mcp',
        'add',
        '--scope',
        'user',
        '--transport',
        'http',
        '--header',
        BEARER,
        'vault-relay',
        mcp,
      ],
      '',
    ],
    ['login', ['npx', 'vault-relay', 'login', url], ''],
    ['curl', ['curl', '-H', BEARER, `${url}/api/vault`], ''],
  ])('a shell gives the command of %s each word whole', (program, words, variable) => {
    const { text, file } = setUp(program, { url: `${url}/`, key: KEY });
    expect(file).toBeUndefined();
    expect(runInShell(text)).toEqual([...words, variable, '', '']);
  });

  test.each<[Program, string, unknown]>([
    ['cursor', '~/.cursor/mcp.json', { mcpServers: { 'vault-relay': server } }],
    ['json', 'mcp.json', { mcpServers: { 'vault-relay': { type: 'http', ...server } } }],
    [
      'vscode',
      '.vscode/mcp.json',
      {
        inputs: [
          { type: 'promptString', id: 'vault-relay-key', description: 'Key of vault-relay', password: true },
        ],
        servers: {
          'vault-relay': {
            type: 'http',
            url: mcp,
            headers: { Authorization: `Bearer \${input:vault-relay-key}` },
          },
        },
      },
    ],
  ])('the file of %s is JSON with the address and the key', (program, file, content) => {
    const setup = setUp(program, { url, key: KEY });
    expect(setup.file).toBe(file);
    expect(JSON.parse(setup.text)).toEqual(content);
  });

  test('a shell gives the commands of atem and of an operator each word whole', () => {
    const workSession = `it's 团队`;
    const create = ['npx', 'vault-relay', 'session', 'create', '--astation', workSession, '--atem'];
    expect(runInShell(setUpAtem({ url, workSession }).text)).toEqual([...create, '', url, workSession]);
    const words = ['npx', 'vault-relay', 'key', 'create', '--astation', workSession, '--for', 'codex'];
    expect(runInShell(setUpByOperator('codex', workSession).text)).toEqual([...words, '', '', '']);
  });
});

test('a file that a project shares does not have the key, and a program says how it gets a key that it does not store', () => {
  const door = { url: 'http://127.0.0.1:3000', key: KEY };
  expect(setUp('vscode', door)).toMatchObject({
    text: expect.not.stringContaining(KEY),
    keyFrom: 'question',
  });
  expect(setUp('codex', door).keyFrom).toBe('environment');
  expect(setUp('cursor', door).keyFrom).toBeUndefined();
});

test('suggested names begin with the program and differ', () => {
  const names = Array.from({ length: 50 }, () => suggestName('codex'));
  for (const name of names) expect(name).toMatch(/^codex-[a-z2-9]{4}$/);
  expect(new Set(names).size).toBeGreaterThan(45);
  expect(suggestName('json')).toMatch(/^agent-/);
});
