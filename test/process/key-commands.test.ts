import { describe, expect, test } from 'vitest';
import { readKeyId } from '../../src/access/key-format.ts';
import { createVaultRelayClient } from '../../src/client/index.ts';
import { useDatabase } from '../support/database.ts';
import { runHere } from '../support/process.ts';
import { useServer } from '../support/server.ts';

const database = useDatabase();
const server = useServer(database);
const vr = (args: string[], env = {}) => runHere(args, { DATABASE_URL: database.url, ...env });
const create = (...more: string[]) =>
  vr(['key', 'create', '--astation', 'st-cli', '--name', 'a key', '--client-id', 'ci', ...more]);
const createJson = async (...more: string[]) => {
  const { stdout, stderr, code } = await create('--json', ...more);
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  return JSON.parse(stdout) as { key: string; id: string; name: string };
};
const listed = async (...more: string[]) =>
  JSON.parse((await vr(['key', 'list', '--json', ...more])).stdout) as Record<string, unknown>[];

test('a key from the command line works, is listed without its secret, and ends when it is revoked', async () => {
  const made = await createJson('--scope', 'read,create,write', '--expires', '30d');
  expect(Object.keys(made)).toEqual(['key', 'id', 'name']);
  expect(readKeyId(made.key)).toBe(made.id);
  const { vault } = createVaultRelayClient({ url: server.url, session: made.key });
  const { vault_id } = await vault.create.mutate({ summary: 'a' });

  const narrow = await createJson('--vault', vault_id, '--vault', vault_id);
  const keys = await listed('--astation', 'st-cli');
  expect(keys).toMatchObject([
    {
      id: made.id,
      name: 'a key',
      client_id: 'ci',
      scopes: ['read', 'create', 'write'],
      vaults: null,
      state: 'live',
    },
    {
      id: narrow.id,
      scopes: ['read', 'write'],
      vaults: [vault_id],
      expires_at: null,
      created_by: 'operator',
    },
  ]);
  const [{ created_at, expires_at } = {}] = keys;
  expect(Date.parse(String(expires_at)) - Date.parse(String(created_at))).toBe(30 * 86_400_000);
  expect(JSON.stringify(keys)).not.toContain(made.key.slice(16));
  const table = (await vr(['key', 'list'])).stdout.split('\n');
  expect(table[0]).toMatch(/^ID +STATE +NAME +ASTATION +CLIENT ID +SCOPES +VAULTS +LAST USED +EXPIRES$/);
  expect(table[1]).toContain(made.id);
  expect(await listed('--astation', 'st-nobody')).toEqual([]);

  expect(await vr(['key', 'revoke', made.id])).toMatchObject({ code: 0, stdout: 'Revoked.\n' });
  expect(await vr(['key', 'revoke', made.id])).toMatchObject({ code: 0 });
  await expect.poll(() => vault.list.query().catch(({ data }) => data.code)).toBe('UNAUTHORIZED');
  expect((await listed())[0]).toMatchObject({ state: 'revoked' });
});

test('a person gets the key, and lines to copy that contain it', async () => {
  const { stdout, stderr, code } = await create();
  const [, key = ''] = /^key: (\S+)\n$/.exec(stdout) ?? [];
  expect({ code, id: readKeyId(key) }).toEqual({ code: 0, id: expect.any(String) });
  expect(stderr).toContain(`curl -H 'Authorization: Bearer ${key}' http://127.0.0.1:3000/api/vault`);
  expect(stderr).toContain(`createVaultRelayClient({ url: 'http://127.0.0.1:3000', session: '${key}' })`);
});

describe('a key for a client', () => {
  const createFor = (client: string, ...more: string[]) =>
    vr(['key', 'create', '--astation', 'st-for', '--for', client, ...more], { PUBLIC_BASE_URL: server.url });

  test('stdout has what is pasted and nothing else, stderr says where to and what was chosen', async () => {
    const { stdout, stderr, code } = await createFor('cursor');
    expect(code).toBe(0);
    const { url, headers } = JSON.parse(stdout).mcpServers['vault-relay'];
    expect(url).toBe(`${server.url}/mcp`);
    expect(stderr).toContain('Save this as ~/.cursor/mcp.json.');
    const [, name] = /name (cursor-\w{4}), client id (\1), scopes read,write,create\./.exec(stderr) ?? [];
    const session = headers.Authorization.replace('Bearer ', '');
    const { vault } = createVaultRelayClient({ url: server.url, session });
    const { vault_id } = await vault.create.mutate({ summary: 'handed over' });
    await vault.append.mutate({ vault_id, text: 'x' });
    expect((await vault.read.query({ vault_id }))[0]?.writer_id).toBe(name);
  });

  test('a client that asks for the key gets it on stderr, and given options win over suggestions', async () => {
    const given = ['--name', 'Mine', '--client-id', 'mine', '--scope', 'read'];
    const { stdout, stderr } = await createFor('vscode', ...given);
    const [, key = ''] = /asks for the key once: (\S+)$/m.exec(stderr) ?? [];
    expect(readKeyId(key)).toBeDefined();
    expect(stdout).not.toContain(key);
    expect(stderr).toContain('name Mine, client id mine, scopes read.');
  });

  test('--json has the text as well', async () => {
    const made = JSON.parse((await createFor('codex', '--json')).stdout);
    expect(made).toEqual({
      key: expect.stringContaining('vr_'),
      id: readKeyId(made.key),
      name: expect.stringMatching(/^codex-/),
      client_id: made.name,
      setup: { text: expect.stringContaining(made.key), keyFrom: 'environment' },
    });
  });

  test('without a client, a name and a client id are required', async () => {
    const without = await vr(['key', 'create', '--astation', 'st-for', '--name', 'x']);
    expect(without).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`'--client-id <id>' not specified`),
    });
    expect(await createFor('emacs')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('claude-code'),
    });
  });
});

describe('a mistake is named, with exit code 2', () => {
  test.each<[string, string[], string]>([
    ['an unknown scope', ['--scope', 'read,all'], 'It must be a list of read, write, create, redact, admin'],
    ['no scope', ['--scope', ''], 'It must be a list of read, write, create, redact, admin'],
    ['a time without a unit', ['--expires', '30'], 'It must be a time such as 12h or 30d'],
    ['a time that is too long', ['--expires', '3653d'], 'It must be a time such as 12h or 30d'],
    ['a name with a control character', ['--name', 'a\u0007'], 'It must not contain control characters'],
    [
      'an empty client id',
      ['--client-id', ''],
      `option '--client-id <id>' is invalid. It must not be empty.`,
    ],
    [
      'a vault for a key that creates',
      ['--scope', 'create', '--vault', 'v-1'],
      'must not have the scope create or admin',
    ],
  ])('%s', async (_, options, sentence) => {
    const { stdout, stderr, code } = await create(...options);
    expect({ stdout, code }).toEqual({ stdout: '', code: 2 });
    expect(stderr).toContain(sentence);
  });

  test('a vault that the work session does not have is refused with exit code 1', async () => {
    expect(await create('--vault', 'v-none')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'vault-relay: Your work session has no vault v-none.\n',
    });
  });
});
