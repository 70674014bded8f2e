import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createVaultRelayClient } from '../../src/client/index.ts';
import { RestVaults, rest } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { runHere } from '../support/process.ts';
import { useServer } from '../support/server.ts';

const database = useDatabase();
const server = useServer(database);

/** The commands of "After a leak", as the page has them. */
const [, block = ''] =
  /### After a leak\n[\s\S]*?```sh\n([\s\S]*?)```/.exec(readFileSync('docs/security.md', 'utf8')) ?? [];

test('the steps after a leak list what a key did, and show that the rest is untouched', async () => {
  const session = await server.login('st-leak');
  const owner = new RestVaults(server.url, { session, clientId: 'owner' });
  const vaultId = (await owner.create('a vault')).body.vault_id;
  await owner.append(vaultId, 'kept');
  await owner.append(vaultId, 'overridden by a stranger');
  const { headers } = await owner.read(vaultId);
  const noted = `${headers.get('x-vault-head')}:${headers.get('x-vault-head-hash')}`;
  const { key, id } = await server.makeKey('st-leak');
  const { vault } = createVaultRelayClient({ url: server.url, session: key });
  await vault.override.mutate({ vault_id: vaultId, entry_id: 2, text: 'by the stranger' });
  await vault.append.mutate({ vault_id: vaultId, text: 'another' });
  await vault.create.mutate({ summary: 'refused' }).catch(() => undefined);
  await owner.append(vaultId, 'later');

  const commands = block
    .replaceAll('4k9x2m0q7d1z', id)
    .replace('v-7Kf3qDx02Z', vaultId)
    .replace('42:<hash>', noted)
    .trim()
    .split('\n');
  expect(commands).toHaveLength(3);
  const [revoke = '', audit = '', verify = ''] = commands;
  const vr = async (command: string) => {
    const [, args = ''] = /^npx vault-relay ([^|]*)/.exec(command) ?? [];
    const { code, stdout, stderr } = await runHere(args.trim().split(' '), { DATABASE_URL: database.url });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout;
  };

  await vr(revoke);
  const [, selected] = /select\(\.session == "(.*)"\)/.exec(audit) ?? [];
  expect(selected).toBe(`key:${id}`);
  const lines = (await vr(audit))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const done = lines.filter(({ session: by, client_id }) => by === selected && client_id === 'ci');
  expect(done.map(({ action, outcome, vault_id, seq }) => [action, outcome, vault_id, seq])).toEqual([
    ['override', 'written', vaultId, 4],
    ['append', 'written', vaultId, 5],
    ['create', 'missing_scope', null, null],
  ]);

  const rows = await owner.read(vaultId, '&history=true&kind=all&details=true');
  const written = rows.body.filter(({ author }) => author === `key:${id}`);
  expect(written.map(({ seq }) => seq)).toEqual([4, 5]);
  expect(await vr(verify)).toContain('1');
  await expect
    .poll(async () => (await rest('GET', `${server.url}/api/vault`, { session: key })).status)
    .toBe(401);
});
