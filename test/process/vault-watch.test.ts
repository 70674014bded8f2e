import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { createVaultRelayClient, type VaultRelayClient } from '../../src/client/index.ts';
import { useDatabase } from '../support/database.ts';
import { Program, run, runHere, withFolder } from '../support/process.ts';
import { useServer } from '../support/server.ts';
import { startServerProcess } from '../support/server-process.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const database = useDatabase();
const server = useServer(database);
const ann = {} as { env: NodeJS.ProcessEnv; client: VaultRelayClient };
let bob: VaultRelayClient;
beforeAll(async () => {
  const { key } = await server.makeKey('st', { clientId: 'ann', scopes: ['read', 'write', 'create'] });
  ann.env = { VAULT_RELAY_URL: server.url, VAULT_RELAY_KEY: key };
  ann.client = createVaultRelayClient({ url: server.url, session: key });
  const other = await server.makeKey('st', { clientId: 'bob' });
  bob = createVaultRelayClient({ url: server.url, session: other.key });
});

const newVault = async () => (await ann.client.vault.create.mutate({})).vault_id;
const append = (vault_id: string, text: string, by = bob) => by.vault.append.mutate({ vault_id, text });
const watch = (vaultId: string, args: string[], env = ann.env) =>
  new Program(['vault', 'watch', vaultId, ...args], env);

/** Starts a watch and waits until it follows: it shows a row that is written for this purpose. */
async function watchFromNow(vaultId: string, args: string[], env = ann.env): Promise<Program> {
  const program = watch(vaultId, ['--since', '0', ...args], env);
  await append(vaultId, 'started');
  await program.printed(/started/);
  return program;
}

const jsonLines = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test('watch prints each row once and in order through cuts and a restart of the server, until it is stopped', async () => {
  const started = await startServerProcess({ DATABASE_URL: database.url, PORT: '0', LOG_LEVEL: 'error' });
  const proxy = await TcpProxy.to(started.url);
  const vaultId = await newVault();
  const program = await watchFromNow(vaultId, ['--json'], { ...ann.env, VAULT_RELAY_URL: proxy.url });
  proxy.cut();
  await append(vaultId, 'after a cut');
  await program.printed(/after a cut/);
  await started.kill();
  await program.printed(/Cannot reach .* Trying again\./, 'stderr');
  await append(vaultId, 'while the server is away');
  const next = await startServerProcess({
    DATABASE_URL: database.url,
    PORT: String(started.port),
    LOG_LEVEL: 'error',
  });
  await program.printed(/Connected again/, 'stderr');
  await append(vaultId, 'after the restart');
  await program.printed(/after the restart/);
  program.signal('SIGTERM');
  const { code, stdout } = await program.finished;
  expect(code).toBe(0);
  const headers = { authorization: `Bearer ${ann.env.VAULT_RELAY_KEY}` };
  const rows = await (await fetch(`${next.url}/api/vault/${vaultId}?history=true`, { headers })).json();
  expect(jsonLines(stdout)).toEqual(rows);
  await proxy.stop();
  await next.terminate();
});

test('watch begins with the next row, shows the kind that is asked for, and leaves out own rows with --others', async () => {
  const vaultId = await newVault();
  await append(vaultId, 'before');
  const all = await watchFromNow(vaultId, ['--kind', 'all', '--others']);
  await append(vaultId, 'mine', ann.client);
  await bob.vault.setSummary.mutate({ vault_id: vaultId, text: 'a summary' });
  await all.printed(/a summary/);
  all.signal('SIGINT');
  const { code, stdout } = await all.finished;
  expect(code).toBe(0);
  expect(stdout.match(/^ {2}.*$/gm)).toEqual(['  before', '  started', '  a summary']);

  // Without --since, only rows that come later. The state file shows when it follows.
  await withFolder(async (folder) => {
    const state = path.join(folder, 'state');
    const late = watch(vaultId, ['--state', state]);
    await expect.poll(() => existsSync(state)).toBe(true);
    await append(vaultId, 'later');
    await late.printed(/later/);
    late.signal('SIGTERM');
    expect((await late.finished).stdout).toMatch(/^e\d+ v1 {2}seq \d+ .* bob\n {2}later\n$/);
  });
});

test('--exec runs once a row in order, gets the row on its input, and goes on after a failure', () =>
  withFolder(async (folder) => {
    const vaultId = await newVault();
    const file = path.join(folder, 'log');
    const command = `echo "$VAULT_ID $ENTRY_NO $VERSION $SEQ $WRITER_ID" >> ${file}; cat >> ${file}; echo "ran $SEQ"; exit $((SEQ == 2 ? 4 : 0))`;
    const hostile = `$(touch ${folder}/hacked) \`touch ${folder}/hacked\` '; touch ${folder}/hacked`;
    for (const text of [hostile, 'second']) await append(vaultId, text);
    await bob.vault.override.mutate({ vault_id: vaultId, entry_id: 1, text: 'x'.repeat(60_000) });
    const program = watch(vaultId, ['--since', '0', '--exec', command]);
    await program.printed(/ran 4/);
    program.signal('SIGTERM');
    const { code, stdout, stderr } = await program.finished;
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'ran 2\nran 3\nran 4\n' });
    expect(stderr).toBe('vault-relay: The command for e1 v1 (seq 2) ended with exit code 4.\n');
    const rows = await bob.vault.read.query({ vault_id: vaultId, history: true });
    const lines = (await readFile(file, 'utf8')).trim().split('\n');
    expect(lines.filter((_, at) => at % 2 === 0)).toEqual(
      rows.map(({ entry_no, version, seq }) => `${vaultId} ${entry_no} ${version} ${seq} bob`),
    );
    expect(lines.filter((_, at) => at % 2 === 1).map((line) => JSON.parse(line))).toEqual(rows);
    expect(existsSync(path.join(folder, 'hacked'))).toBe(false);
  }));

test('with --state, a stopped watch continues behind the last command that ended, and runs the interrupted one again', () =>
  withFolder(async (folder) => {
    const vaultId = await newVault();
    const state = path.join(folder, 'state');
    // The second command waits in a process of its own, which must end with it.
    const command = `echo "begun $SEQ"; if [ $SEQ = 3 ] && [ ! -e ${folder}/go ]; then sleep 600; fi; echo "done $SEQ"`;
    const args = ['--since', '0', '--state', state, '--exec', command];
    for (const text of ['first', 'second', 'third']) await append(vaultId, text);
    const before = watch(vaultId, args);
    await before.printed(/begun 3/);
    before.signal('SIGTERM');
    // The output closes once the last process that holds it has ended.
    expect(await before.finished).toEqual({ code: 0, stdout: 'begun 2\ndone 2\nbegun 3\n', stderr: '' });
    expect(JSON.parse(await readFile(state, 'utf8'))).toEqual({ vault_id: vaultId, seq: 2 });

    await run(['vault', 'write', vaultId, 'while stopped'], ann.env);
    const { writeFile } = await import('node:fs/promises');
    await writeFile(path.join(folder, 'go'), '');
    const after = watch(vaultId, args);
    await after.printed(/done 5/);
    after.signal('SIGTERM');
    expect((await after.finished).stdout.match(/done \d/g)).toEqual(['done 3', 'done 4', 'done 5']);

    const other = await runHere(['vault', 'watch', await newVault(), '--state', state], ann.env);
    expect(other).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`belongs to the vault ${vaultId}`),
    });
    await writeFile(state, '{}');
    const damaged = await runHere(['vault', 'watch', vaultId, '--state', state], ann.env);
    expect(damaged).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('does not hold the place of a watch'),
    });
  }));

test('watch ends with one sentence when its key is refused, at the start or later', async () => {
  const vaultId = await newVault();
  const refused = await runHere(['vault', 'watch', vaultId], { ...ann.env, VAULT_RELAY_KEY: 'unknown' });
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  const { key, id } = await server.makeKey('st', { clientId: 'eve' });
  const program = await watchFromNow(vaultId, [], { ...ann.env, VAULT_RELAY_KEY: key });
  await runHere(['key', 'revoke', id], { DATABASE_URL: database.url });
  const { code, stderr } = await program.finished;
  expect(code).toBe(1);
  expect(stderr).toMatch(/^vault-relay: [^\n]* Check the key or session[^\n]*\n$/);
});
