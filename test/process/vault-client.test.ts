import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeKey } from '../../src/access/key-format.ts';
import { createVaultRelayClient, type VaultRelayClient } from '../../src/client/index.ts';
import { useDatabase } from '../support/database.ts';
import { HOSTILE, UNPRINTABLE } from '../support/hostile.ts';
import { runHere, withFolder } from '../support/process.ts';
import { useServer } from '../support/server.ts';

const database = useDatabase();
const server = useServer(database);
const limited = useServer(database, { rateLimitPerMinute: 1 });
const strict = useServer(database, { secretScan: 'refuse' });

/** The environment of an agent, and what it calls without the command line. */
const agent = {} as { env: NodeJS.ProcessEnv; client: VaultRelayClient };
beforeAll(async () => {
  const { key } = await server.makeKey('st', { clientId: 'ann', scopes: ['read', 'write', 'create'] });
  agent.env = { VAULT_RELAY_URL: `${server.url}/`, VAULT_RELAY_KEY: key };
  agent.client = createVaultRelayClient({ url: server.url, session: key });
});

const vault = (args: string[], input = '', env = {}) =>
  runHere(['vault', ...args], { ...agent.env, ...env }, { input });

/** @returns what a command prints that succeeds, and says nothing else */
async function printed(args: string[], input = ''): Promise<string> {
  const { stdout, stderr, code } = await vault(args, input);
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  return stdout;
}

const answered = async (args: string[], input = '') => JSON.parse(await printed([...args, '--json'], input));

const rest = async (route: string) => {
  const headers = { authorization: `Bearer ${agent.env.VAULT_RELAY_KEY}` };
  return (await fetch(`${server.url}/api/vault${route}`, { headers })).json();
};

const newVault = async (summary = '') => (await printed(['new', summary])).trim();

test('new, write, set-summary and read hand a note over, by the spelling of atem and by the short one', async () => {
  const id = (await printed(['new', '--summary', 'auth refactor'])).trim();
  expect(id).toMatch(/^v-\w{10}$/);
  expect(await printed(['write', '--vault-id', id, '--text', 'JWT in a cookie'])).toBe(
    'Wrote e1 v1 (seq 2)\n',
  );
  expect(await printed(['write', id, '--entry-id', '1', '--text', '15 minutes'])).toBe(
    'Wrote e1 v2 (seq 3)\n',
  );
  expect(
    await printed(['write', id, '--entry', '1', '--expect', '2', '--tag', 'a', '--tag', 'b', 'ok']),
  ).toBe('Wrote e1 v3 (seq 4)\n');
  expect(await printed(['set-summary', '--vault-id', id, 'auth:\ndone'])).toBe('Summary updated.\n');
  const at = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`;
  expect(await printed(['read', id])).toMatch(
    new RegExp(String.raw`^summary: auth: done\ne1 v3  seq 4  ${at}  ann  #a  #b\n  ok\n$`),
  );
  expect(await printed(['history', id])).toMatch(
    new RegExp(`^e1 v1  seq 2  ${at}  ann\n  JWT in a cookie\ne1 v2  seq 3  .*\n  15 minutes\ne1 v3  seq 4`),
  );
  expect(await printed(['read', '--vault-id', id, '--format', 'plain', '--history'])).toBe(
    'JWT in a cookie\n15 minutes\nok\n',
  );
  expect(await printed(['list', '--q', 'auth'])).toBe(`VAULT         SUMMARY\n${id}  auth: done\n`);
});

test('a text comes from an argument, a file or the input, and keeps all but its last line break', () =>
  withFolder(async (folder) => {
    const id = await newVault();
    const file = path.join(folder, 'note');
    const text = '\ufefftabs\tand 團隊\r\n\n--looks-like-an-option\n';
    await writeFile(file, `${text}\n`);
    await printed(['write', id, '--file', file]);
    await printed(['write', id, '-'], `${text}\n`);
    await printed(['write', '--vault-id', id], text.trimEnd());
    await printed(['write', id, '--', '--an-argument']);
    await printed(['write', id, '--text=']);
    const contents = (await agent.client.vault.read.query({ vault_id: id })).map(({ content }) => content);
    expect(contents).toEqual([text, text, text.trimEnd(), '--an-argument', '']);
    expect(await printed(['read', id, '--format', 'plain', '--limit', '1'])).toBe(`${text}\n`);

    await writeFile(file, Buffer.from([0xff]));
    for (const [args, input, sentence] of [
      [['--file', file], '', `The file ${file} is not text in UTF-8.`],
      [['--file', folder], '', `The file ${folder} cannot be read: it is a folder (EISDIR).`],
      [['-'], 'x'.repeat(17_000_000), 'The input holds more than 16777216 bytes.'],
      [[], '\n', 'The input is empty.'],
    ] as const) {
      const ended = await vault(['write', id, ...args], input);
      expect(ended).toEqual({ code: 1, stdout: '', stderr: `vault-relay: ${sentence}\n` });
    }
  }));

describe('--json prints what REST answers', () => {
  let id: string;
  beforeAll(async () => {
    id = await newVault('the first');
    const notes = Array.from({ length: 205 }, (_, at) => ({ text: `note ${at}`, tags: [`t${at % 2}`] }));
    await Promise.all(notes.map((note) => agent.client.vault.append.mutate({ vault_id: id, ...note })));
    await printed(['write', id, '--entry', '7', 'changed']);
    await printed(['set-summary', id, 'the second']);
  });

  test.each([
    [[], ''],
    [['--limit', '203'], '?limit=203'],
    [['--history'], '?history=true'],
    [['--since', '200'], '?since=200'],
    [['--entry', '7', '--history'], '?entry_id=7&history=true'],
    [['--as-of', '100'], '?as_of=100'],
    [['--q', 'CHANGE'], '?q=CHANGE'],
    [['--writer', 'nobody'], '?writer=nobody'],
    [['--tag', 't1'], '?tag=t1'],
    [['--kind', 'summary', '--history'], '?kind=summary&history=true'],
    [['--kind', 'all'], '?kind=all'],
  ])('read %j', async (args, query) => {
    expect(await answered(['read', id, ...args])).toEqual(await rest(`/${id}${query}`));
  });

  test('history, list, new, write and set-summary', async () => {
    expect(await answered(['history', id])).toEqual(await rest(`/${id}?history=true`));
    expect(await answered(['list'])).toEqual(await rest(''));
    expect(await answered(['list', '--writer', 'ann', '--tag', 't0', '--limit', '1'])).toEqual(
      await rest('?writer=ann&tag=t0&limit=1'),
    );
    expect(await answered(['new'])).toEqual({ vault_id: expect.stringMatching(/^v-/) });
    const again = ['write', id, 'once', '--idempotency-key', 'k'];
    const first = await answered(again);
    expect(first).toEqual({ entry_no: 206, version: 1, seq: expect.any(Number) });
    expect(await answered(again)).toEqual(first);
    expect(await answered(['set-summary', id, 'the third'])).toEqual({});
  });
});

test('search finds words in all vaults, as REST does, over several pages', async () => {
  const id = await newVault('about sessions');
  const texts = Array.from({ length: 103 }, (_, at) => `Zebra ${at} in a cookie`);
  for (const text of texts.slice(0, 3)) await printed(['write', id, text, '--tag', 'z']);
  await printed(['write', id, '--entry', '2', 'replaced']);
  await Promise.all(texts.slice(3).map((text) => agent.client.vault.append.mutate({ vault_id: id, text })));
  const headers = { authorization: `Bearer ${agent.env.VAULT_RELAY_KEY}` };
  const search = async (query: string) =>
    (await fetch(`${server.url}/api/search?${query}`, { headers })).json();
  for (const [args, query] of [
    [['zebra', 'cook'], 'q=zebra+cook'],
    [['"Zebra 1"', '--history', '--vault', id], `q=%22Zebra+1%22&history=true&vault=${id}`],
    [['--kind', 'summary', '--writer', 'ann', '--limit', '1'], 'kind=summary&writer=ann&limit=1'],
    [['zebra', '--tag', 'z', '--order', 'best'], 'q=zebra&tag=z&order=best'],
  ] as const) {
    const found = await answered(['search', ...args]);
    expect(found.hits).not.toEqual([]);
    expect(found).toEqual(await search(query));
  }
  expect((await answered(['search', 'zebra', '--limit', '200'])).hits).toHaveLength(102);
  expect((await answered(['search', 'zebra', '--since', '1h', '--limit', '101'])).hits).toHaveLength(101);
  expect(await answered(['search', 'zebra', '--until', '1h'])).toEqual({ hits: [], next_cursor: null });
  expect(await printed(['search', '"Zebra 1 "', '--history'])).toMatch(
    new RegExp(`^${id}  \\(not current\\)  e2 v1  seq \\d+  \\S+  ann  #z\n  Zebra 1 in a cookie\n$`),
  );
});

test('a conflict ends with exit code 3, the current version on stdout and one sentence on stderr', async () => {
  const id = await newVault('old');
  await printed(['write', id, 'one']);
  await printed(['write', id, '--entry', '1', 'two']);
  const stale = ['write', id, '--entry', '1', '--expect', '1', 'mine'];
  const stderr = `vault-relay: Entry 1 of vault ${id} is at version 2, not 1; merge with the current version.\n`;
  const human = await vault(stale);
  expect(human).toMatchObject({ code: 3, stderr });
  expect(human.stdout).toMatch(/^e1 v2 {2}seq 3 .* ann\n {2}two\n$/);
  const json = await vault([...stale, '--json']);
  expect({ code: json.code, stderr: json.stderr }).toEqual({ code: 3, stderr });
  const [row] = (await rest(`/${id}`)) as { kind: string }[];
  expect({ ...JSON.parse(json.stdout), kind: 'content' }).toEqual(row);
  await printed(['set-summary', id, '--expect', '1', 'new']);
  const summary = await vault(['set-summary', id, '--expect', '1', 'newer']);
  expect(summary).toMatchObject({ code: 3, stdout: expect.stringMatching(/^summary v2 .*\n {2}new\n$/) });
  // Another kind of conflict has no version to merge with.
  await printed(['write', id, 'x', '--idempotency-key', 'k']);
  expect(await vault(['write', id, 'y', '--idempotency-key', 'k'])).toMatchObject({ code: 1, stdout: '' });
});

test('a text that looks like a secret is written with a warning, or refused unless there is a reason', async () => {
  const { key } = makeKey();
  const id = await newVault();
  const warning = 'looks like a secret (vault-relay-key, vr_…)';
  const stays = 'vault-relay: the text was written and stays readable; replace the secret where it is used\n';
  const text = `one\n${key}`;
  expect(await vault(['write', id, text])).toEqual({
    code: 0,
    stdout: 'Wrote e1 v1 (seq 2)\n',
    stderr: `vault-relay: warning: line 2 ${warning}\n${stays}`,
  });
  for (const args of [
    ['new', key],
    ['set-summary', id, key],
  ])
    expect(await vault(args)).toMatchObject({
      code: 0,
      stderr: `vault-relay: warning: line 1 ${warning}\n${stays}`,
    });
  const to = { VAULT_RELAY_URL: strict.url };
  const refused = await vault(['write', id, text], '', to);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toMatch(/^vault-relay: Line 2 looks like a secret .*\n$/);
  expect(await vault(['write', id, '--allow-secret', 'of a test', text], '', to)).toMatchObject({ code: 0 });
});

test('texts of strangers cannot pass for headings or reach the terminal unescaped', async () => {
  const id = await newVault(`sum\n${HOSTILE.join('')}`);
  const mallory = await server.makeKey('st', { clientId: `m${HOSTILE.join('')}` });
  const { vault: stranger } = createVaultRelayClient({ url: server.url, session: mallory.key });
  const forged = 'e9 v9  seq 99  2026-01-01T00:00:00Z  ann';
  const text = `a\n${forged}\r\n${HOSTILE.join('')}\n`;
  await stranger.append.mutate({ vault_id: id, text, tags: [HOSTILE.join('')] });
  for (const args of [['read'], ['history'], ['history', '--json']]) {
    const lines = (await printed([...args, id])).split('\n');
    for (const line of lines) {
      expect(line.replaceAll('\t', '')).not.toMatch(UNPRINTABLE);
      expect(line.startsWith('e9')).toBe(false);
    }
  }
  expect((await printed(['list'])).replaceAll('\n', '')).not.toMatch(UNPRINTABLE);
  // A program that reads the bare texts gets them as they are.
  expect(await printed(['read', id, '--format', 'plain'])).toBe(`${text}\n`);
});

describe('a failure is one sentence that says what to do', () => {
  const REFUSALS: [string, () => Promise<NodeJS.ProcessEnv>, string | RegExp][] = [
    [
      'no settings',
      async () => ({ VAULT_RELAY_URL: '', VAULT_RELAY_KEY: '' }),
      'There is no server to use. Run `vault-relay login <url>`, or set VAULT_RELAY_URL and VAULT_RELAY_KEY, or give --url and --key.',
    ],
    [
      'an unknown key',
      async () => ({ VAULT_RELAY_KEY: 'unknown' }),
      /^This session is unknown, .* Check the key or session, or run `vault-relay login <url>` with another one\.$/,
    ],
    [
      'a key of several lines',
      async () => ({ VAULT_RELAY_KEY: 'a\nb' }),
      'VAULT_RELAY_KEY must be a key or the id of a session, without spaces.',
    ],
    [
      'a session without a client id',
      async () => ({ VAULT_RELAY_KEY: await server.login('st') }),
      /^The query parameter id .* Give it with --client-id or VAULT_RELAY_CLIENT_ID\.$/,
    ],
    [
      'a closed port',
      async () => ({ VAULT_RELAY_URL: 'http://127.0.0.1:9' }),
      /^Cannot reach http:\/\/127\.0\.0\.1:9: .*\. Check the address, and that the server runs\.$/,
    ],
    [
      'another address of the server',
      async () => ({ VAULT_RELAY_URL: `${server.url}/elsewhere` }),
      `${server.url}/elsewhere did not answer as vault-relay does (status 404). Check the address.`.replace(
        server.url,
        'URL',
      ),
    ],
    [
      'a variable that is no address',
      async () => ({ VAULT_RELAY_URL: 'https://ann:secret@relay.example' }),
      'VAULT_RELAY_URL must be the address of a server, such as https://relay.example.org, without query or password.',
    ],
    [
      'too many requests',
      async () => {
        await runHere(['vault', 'list'], { ...agent.env, VAULT_RELAY_URL: limited.url });
        return { VAULT_RELAY_URL: limited.url };
      },
      /^The server has taken too many requests of this key or address\. Try again in \d+ s\.$/,
    ],
  ];

  test.each(REFUSALS)('%s', async (_, makeEnv, sentence) => {
    const { code, stdout, stderr } = await vault(['list'], '', await makeEnv());
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^vault-relay: [^\n]*\n$/);
    const said = stderr.slice('vault-relay: '.length, -1).replace(server.url, 'URL');
    if (typeof sentence === 'string') expect(said).toBe(sentence);
    else expect(said).toMatch(sentence);
  });

  test('a vault of another work session, an unknown vault, and a key without the scope', async () => {
    const { key } = await server.makeKey('st-other', { scopes: ['read'] });
    const id = await newVault();
    const other = await vault(['read', id], '', { VAULT_RELAY_KEY: key });
    expect(other.stderr).toBe(
      `vault-relay: Vault ${id} belongs to another work session. Use a key of the work session of the vault, with the scope for this call.\n`,
    );
    expect((await vault(['read', 'v-nowhere'])).stderr).toBe('vault-relay: There is no vault v-nowhere.\n');
    const { stderr } = await vault(['new'], '', { VAULT_RELAY_KEY: key });
    expect(stderr).toBe(
      'vault-relay: This call needs the scope create, which this key lacks. Create a key with it.\n',
    );
  });

  test.each([
    [['read'], "missing required argument 'vault'"],
    [['read', 'v-1', '--vault-id', 'v-2'], 'the vault is given twice'],
    [['write', 'v-1', 'a', '--text', 'b'], 'the text is given twice'],
    [['write', 'v-1', 'a', '--expect', '1'], "option '--expect <version>' needs '--entry <number>'"],
    [['read', 'v-1', '--since', '-1'], 'It must be a whole number from 0.'],
    [['read', 'v-1', '--format', 'xml'], 'Allowed choices are human, plain.'],
    [['watch', 'v-1', '--exec', 'true', '--json'], "'--exec' and '--json' exclude each other"],
    [['wirte'], "unknown command 'wirte' (Did you mean write?)"],
  ])('the command line %j is refused with exit code 2', async (args, sentence) => {
    const { code, stdout, stderr } = await vault(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^error: [^\n]*\n$/);
    expect(stderr).toContain(sentence);
  });
});
