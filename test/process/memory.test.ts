import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { beforeAll, expect, test } from 'vitest';
import { useDatabase, withClient } from '../support/database.ts';

/** More than fit into the heap together. */
const SESSIONS = 60_000;
const AUDIT_ROWS = 50_000;
/** A vault of 16 entries of 4 MiB: all of them together do not fit. */
const HEAVY = { entries: 16, bytes: 4 * 1024 * 1024 };
const HEAP_MB = 48;

const database = useDatabase();
beforeAll(async () => {
  await withClient(database.url, (client) =>
    client.query(`
      INSERT INTO sessions (id_hash, hostname, status, expires_at)
        SELECT sha256(n::text::bytea), 'host-' || n, 'denied', now() FROM generate_series(1, ${SESSIONS}) AS n;
      INSERT INTO audit_log (action, outcome, client_id)
        SELECT 'append', 'written', 'client-' || n FROM generate_series(1, ${AUDIT_ROWS}) AS n;
      SELECT create_vault(json_build_object('vault_id', 'v-heavy', 'summary', '', 'work_session_id', 'st',
        'client_id', 'ann'), 0)`),
  );
  for (let n = 0; n < HEAVY.entries; n++) {
    await withClient(database.url, (client) =>
      client.query(
        `SELECT count(*) FROM write_to_vaults(json_build_array(json_build_object('place', 0, 'op', 'append',
           'vault_id', 'v-heavy', 'work_session_id', 'st', 'client_id', 'ann',
           'text', repeat('0123456789abcdef', ${HEAVY.bytes / 16}))), 0, 0)`,
      ),
    );
  }
}, 600_000);

/** Runs the built program in a small heap. @returns its exit code, and how many lines and bytes it printed */
async function runSmall(args: string[]) {
  const child = spawn(process.execPath, [`--max-old-space-size=${HEAP_MB}`, 'dist/main.js', ...args], {
    env: { ...process.env, DATABASE_URL: database.url },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  let bytes = 0;
  child.stdout.on('data', (chunk) => {
    bytes += chunk.length;
  });
  let lines = 0;
  if (!args.includes('--json')) for await (const _ of createInterface(child.stdout)) lines++;
  return { code: await ended, lines, bytes };
}

test(`a list of ${SESSIONS} sessions is printed in constant memory`, async () => {
  expect(await runSmall(['session', 'list'])).toMatchObject({ code: 0, lines: SESSIONS + 1 });
  const json = await runSmall(['session', 'list', '--json']);
  expect(json.code).toBe(0);
  expect(json.bytes).toBeGreaterThan(100 * SESSIONS);
  expect(await runSmall(['session', 'list', '--limit', '2'])).toMatchObject({ code: 0, lines: 3 });
});

test('the audit log is printed in constant memory', async () => {
  expect(await runSmall(['audit', '--since', '1d', '--action', 'append'])).toMatchObject({
    code: 0,
    lines: AUDIT_ROWS + 1 + HEAVY.entries,
  });
});

test('rows of 4 MiB are verified and exported a few at a time', async () => {
  expect(await runSmall(['verify'])).toMatchObject({ code: 0, lines: 1 });
  const { code, bytes } = await runSmall(['export', '--vault', 'v-heavy']);
  expect(code).toBe(0);
  expect(bytes).toBeGreaterThan(HEAVY.entries * HEAVY.bytes);
});
