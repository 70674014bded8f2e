import type { Command } from 'commander';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeProgram } from '../../src/cli/program.ts';
import { run } from '../../src/cli/run.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { useDatabase } from '../support/database.ts';
import { HOSTILE, UNPRINTABLE } from '../support/hostile.ts';
import { printed } from '../support/output.ts';
import { TestStore } from '../support/store.ts';
import { withoutTriggers } from '../support/tamper.ts';

const database = useDatabase();

/** What PostgreSQL can keep of it: neither NUL nor half a character. */
const STORED = `x${HOSTILE.join('')}y`;
/** What the command line or an error may have too. */
const GIVEN = `${STORED}\ud800`;

/** @returns what a command prints, and its exit code */
async function runCommand(args: string[], env: NodeJS.ProcessEnv = { DATABASE_URL: database.url }) {
  let code = -1;
  let stderr = '';
  const stdout = await printed(async (out) => {
    stderr = await printed(async (hints) => {
      code = await run(args, {
        version: '0',
        env,
        folder: () => '/nowhere',
        stdin: () => process.stdin,
        out,
        hints,
        isTerminal: false,
      });
    });
  });
  return { code, stdout, stderr };
}

function expectSafe({ stdout, stderr }: { stdout: string; stderr: string }): void {
  for (const line of `${stdout}\n${stderr}`.split('\n')) expect(line).not.toMatch(UNPRINTABLE);
}

beforeAll(async () => {
  const store = new TestStore(database.db, new VaultFeed());
  const mallory = { workSessionId: STORED, clientId: STORED };
  const { vault_id } = await store.create(mallory, STORED, STORED);
  await store.append(mallory, vault_id, STORED, { tags: [STORED] });
  const { vault_id: damaged } = await store.create(mallory, '');
  await database.admin.query(
    `INSERT INTO sessions (id_hash, hostname, status, astation_id, expires_at)
     VALUES (sha256('1'), $1, 'granted', $1, now() + interval '1 day')`,
    [STORED],
  );
  await database.admin.query('INSERT INTO astations VALUES ($1, $2)', [STORED, `04${'a'.repeat(128)}`]);
  await database.admin.query(
    `INSERT INTO audit_log (action, outcome, vault_id, work_session_id, client_id, session, request_id, address)
     VALUES ($1, $1, $1, $1, $1, $1, $1, $1)`,
    [STORED],
  );
  await withoutTriggers(
    database.admin,
    `UPDATE vaults SET created_by = created_by || 'z' WHERE vault_id = '${damaged}'`,
  );
});

describe("strangers' text in the database comes out escaped", () => {
  test.each([
    [['session', 'list']],
    [['session', 'list', '--json']],
    [['astation', 'list']],
    [['astation', 'list', '--json']],
    [['audit', '--since', '1h']],
    [['audit', '--since', '1h', '--json']],
    [['verify']],
    [['verify', '--json']],
    [['export', '--with-astations']],
  ])('by %j', async (args) => {
    const ended = await runCommand(args);
    expectSafe(ended);
    expect(ended.stderr).toBe('');
    expect(ended.stdout).toMatch(/\\u\{1b\}\[2J|\\u001b\[2J/);
  });

  test('in JSON as escapes that parse back to the same value', async () => {
    const json = async (args: string[]) => JSON.parse((await runCommand(args)).stdout);
    expect(await json(['session', 'list', '--json'])).toMatchObject([
      { hostname: STORED, astation_id: STORED },
    ]);
    expect(await json(['astation', 'list', '--json'])).toMatchObject([{ astation_id: STORED }]);
    const { stdout } = await runCommand(['audit', '--since', '1h', '--json', '--action', STORED]);
    expect(JSON.parse(stdout)).toMatchObject({ outcome: STORED, client_id: STORED, address: STORED });
  });
});

/** Every command that does something, by its names from the program on. */
function leaves(command: Command, names: string[] = []): { names: string[]; command: Command }[] {
  if (command.commands.length === 0) return [{ names, command }];
  return command.commands.flatMap((each) => leaves(each, [...names, each.name()]));
}

const nobody = () => {
  throw new Error('not called');
};
const program = await makeProgram(
  { version: '0', env: {}, setUp: nobody, stdin: nobody, out: {} as never, hints: {} as never },
  { out: '', err: '' },
);

/** What a command needs to begin its work. */
const required = (command: Command) =>
  command.options.filter(({ mandatory }) => mandatory).flatMap(({ long }) => [long ?? '', '1h']);

const misuses = leaves(program).flatMap(({ names, command }) => {
  const values = command.options.filter(({ required, optional }) => required || optional);
  const needed = required(command);
  const positional = command.registeredArguments.map(() => GIVEN);
  return [
    [...names, ...needed, `--${GIVEN}`],
    [...names, ...needed, ...positional, GIVEN, GIVEN],
    ...values.map(({ long }) => [...names, ...needed, long ?? '', GIVEN]),
    ...(positional.length > 0 ? [[...names, ...needed, ...positional]] : []),
  ];
});

describe('commands escape their arguments in every error', () => {
  test('and there are many', () => {
    expect(misuses.length).toBeGreaterThan(35);
  });

  test.each([[[GIVEN]], ...misuses.map((args) => [args])])('%j', async (args) => {
    expectSafe(await runCommand(args));
  });

  test.each([
    [['export', '--vault', GIVEN]],
    [['verify', '--vault', STORED]],
    [['session', 'revoke', GIVEN]],
  ])('%j names it on one line', async (args) => {
    const { code, stderr } = await runCommand(args);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^vault-relay: [^\n]*\n$/);
    expectSafe({ stdout: '', stderr });
  });
});

test('a file and a folder with such a name come out escaped', async () => {
  const folder = `/nowhere/${GIVEN.replaceAll('/', '')}`;
  for (const [args, env] of [
    [['import', folder], { DATABASE_URL: database.url }],
    [['session', 'list'], { DATA_DIR: folder }],
    [['session', 'list'], { DATABASE_URL: `postgres://127.0.0.1:1/${GIVEN}` }],
    [['session', 'list'], { PORT: GIVEN, HOST: GIVEN, LOG_LEVEL: GIVEN }],
  ] as const) {
    const { code, stderr } = await runCommand([...args], env);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^vault-relay: [^\n]*\n$/);
    expectSafe({ stdout: '', stderr });
  }
});
