/** How each client is connected. The command line, the dashboard and the documentation show these texts. */

/** Programs that act with a key. `json`: any other client of MCP. `login`: the command line of vault-relay. */
export const PROGRAMS = [
  'claude-code',
  'codex',
  'cursor',
  'vscode',
  'gemini',
  'json',
  'login',
  'curl',
] as const;
export type Program = (typeof PROGRAMS)[number];

/** The server as a program reaches it. */
export interface Door {
  /** The address of the server, with a path where a proxy serves it under one. */
  url: string;
  key: string;
}

/** What a person pastes to connect a program. */
export interface Setup {
  /** Commands for a POSIX shell, or the content of a file. */
  text: string;
  /** Where the content belongs. Undefined: the text has commands. */
  file?: string;
  /** How the program gets a key that it does not store. Undefined: the text stores it in the settings of one person. */
  keyFrom?: 'environment' | 'question';
}

/** The variable from which programs read their key. */
export const KEY_VARIABLE = 'VAULT_RELAY_KEY';

const SERVER = 'vault-relay';
const INPUT = 'vault-relay-key';

/** A word of a POSIX shell. */
const quote = (word: string): string =>
  /^[\w@:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** @returns a command for a POSIX shell */
export const shell = (...words: string[]): string => words.map(quote).join(' ');

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const bearer = (key: string): string => `Bearer ${key}`;

const below = (url: string, path: string): string => `${url.replace(/\/+$/, '')}${path}`;

const entry = ({ url, key }: Door) => ({
  url: below(url, '/mcp'),
  headers: { Authorization: bearer(key) },
});

const SETUPS: Record<Program, (door: Door) => Setup> = {
  // The header comes last, because the option takes every word after it.
  'claude-code': ({ url, key }) => ({
    text: shell(
      ...['claude', 'mcp', 'add', '--scope', 'user', '--transport', 'http', SERVER, below(url, '/mcp')],
      ...['--header', `Authorization: ${bearer(key)}`],
    ),
  }),
  codex: ({ url, key }) => ({
    text: [
      `export ${KEY_VARIABLE}=${quote(key)}`,
      shell(
        'codex',
        'mcp',
        'add',
        SERVER,
        '--url',
        below(url, '/mcp'),
        '--bearer-token-env-var',
        KEY_VARIABLE,
      ),
    ].join('\n'),
    keyFrom: 'environment',
  }),
  cursor: (door) => ({
    text: json({ mcpServers: { [SERVER]: entry(door) } }),
    file: '~/.cursor/mcp.json',
  }),
  // The file belongs to a project, so VS Code asks for the key and stores it itself.
  vscode: ({ url }) => ({
    text: json({
      inputs: [{ type: 'promptString', id: INPUT, description: 'Key of vault-relay', password: true }],
      servers: { [SERVER]: { type: 'http', ...entry({ url, key: `\${input:${INPUT}}` }) } },
    }),
    file: '.vscode/mcp.json',
    keyFrom: 'question',
  }),
  gemini: ({ url, key }) => ({
    text: shell(
      ...['gemini', 'mcp', 'add', '--scope', 'user', '--transport', 'http'],
      ...['--header', `Authorization: ${bearer(key)}`, SERVER, below(url, '/mcp')],
    ),
  }),
  json: (door) => ({
    text: json({ mcpServers: { [SERVER]: { type: 'http', ...entry(door) } } }),
    file: 'mcp.json',
  }),
  // Others see the arguments of a command, so it asks for the key.
  login: ({ url }) => ({ text: shell('npx', 'vault-relay', 'login', below(url, '')), keyFrom: 'question' }),
  curl: ({ url, key }) => ({
    text: shell('curl', '-H', `Authorization: ${bearer(key)}`, below(url, '/api/vault')),
  }),
};

/** @returns what connects a program with its key */
export const setUp = (program: Program, door: Door): Setup => SETUPS[program](door);

/** @returns commands that connect atem, which has a session instead of a key; the last one runs beside the server */
export const setUpAtem = ({ url, workSession }: { url: string; workSession: string }): Setup => ({
  text: [
    `export ASTATION_RELAY_URL=${quote(below(url, ''))}`,
    `export ASTATION_RELAY_CODE=${quote(workSession)}`,
    shell('npx', 'vault-relay', 'session', 'create', '--astation', workSession, '--atem'),
  ].join('\n'),
});

/** @returns the command with which an operator creates the key of a program, and prints what connects it */
export const setUpByOperator = (program: Program, workSession: string): Setup => ({
  text: shell('npx', 'vault-relay', 'key', 'create', '--astation', workSession, '--for', program),
});

/** Letters and digits that nobody confuses. */
const SIGNS = 'abcdefghjkmnpqrstuvwxyz23456789';

const STEMS: Partial<Record<Program, string>> = { json: 'agent', login: 'shell', curl: 'script' };

/** @returns a name for a program, such as `codex-7k2q`, because two agents must differ in a vault */
export function suggestName(program: Program): string {
  const signs = [...crypto.getRandomValues(new Uint8Array(4))].map((byte) => SIGNS[byte % SIGNS.length]);
  return `${STEMS[program] ?? program}-${signs.join('')}`;
}
