import { expect, test } from 'vitest';
import { RestVaults } from '../support/client.ts';
import { createSession, run, runHere, serve, stop, withDataDir } from '../support/process.ts';

const HEAD = `1:${'0'.repeat(64)}`;

test('verify works beside a running server, and its exit code is the verdict', () =>
  withDataDir(async (DATA_DIR) => {
    const env = { DATA_DIR };
    const { program, url } = await serve(env);
    const vaults = new RestVaults(url, { session: await createSession(env, 'st-1'), clientId: 'a' });
    const { vault_id } = (await vaults.create('kept')).body;
    await vaults.append(vault_id, 'one');
    const read = await vaults.read(vault_id);
    const head = `${read.headers.get('x-vault-head')}:${read.headers.get('x-vault-head-hash')}`;

    const line = '1 vault, 2 rows verified\n';
    expect(await run(['verify'], env)).toEqual({ code: 0, stdout: line, stderr: '' });
    expect(await runHere(['verify', '--vault', vault_id, '--against', head], env)).toMatchObject({
      code: 0,
      stdout: line,
    });
    const json = await runHere(['verify', '--json'], env);
    expect(JSON.parse(json.stdout)).toEqual({ vaults: 1, rows: 2, misfits: [] });

    const against = await runHere(['verify', '--vault', vault_id, '--against', HEAD], env);
    expect(against).toMatchObject({ code: 1, stderr: '' });
    expect(against.stdout).toMatch(
      /^v-\w{10} seq 1 summary v1: its hash is [0-9a-f]{64}, but the kept head has 0{64}: this chain was recomputed\n1 vault, 0 rows verified; NOT OK: 1\n$/,
    );
    expect(await runHere(['verify', '--vault', 'v-nowhere'], env)).toEqual({
      code: 1,
      stdout: '',
      stderr: 'vault-relay: There is no vault v-nowhere.\n',
    });
    await stop(program);
    // And without a server, on the database that it left.
    expect(await runHere(['verify'], env)).toMatchObject({ code: 0, stdout: line });
  }));

test.each([
  [['--against', HEAD], `error: option '--against' needs '--vault <id>'`],
  [['--vault', 'v', '--against', '1'], 'It must be <seq>:<hash>'],
  [['v-0123456789'], 'too many arguments'],
])('verify %j is a usage error', async (args, complaint) => {
  const ended = await runHere(['verify', ...args], {});
  expect(ended).toMatchObject({ code: 2, stdout: '' });
  expect(ended.stderr).toContain(complaint);
});
