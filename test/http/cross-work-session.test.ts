import { expect, test } from 'vitest';
import { router as makeRouter } from '../../src/api/trpc.ts';
import { readConfig } from '../../src/config.ts';
import { makeVaultRouter } from '../../src/router.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { makeVaultInputs } from '../../src/vault/inputs.ts';
import { makeSearchProcedure } from '../../src/vault/search/operations.ts';
import { VaultStore } from '../../src/vault/store.ts';
import { RestVaults, rest } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { EventStream } from '../support/event-stream.ts';
import { makeLogKeeper } from '../support/log-lines.ts';
import { useServer } from '../support/server.ts';

const database = useDatabase();
const log = makeLogKeeper();
const server = useServer(database, {}, log.log);

/** Every procedure on vaults. */
const [store, inputs] = [
  new VaultStore(database.db, new VaultFeed()),
  makeVaultInputs(readConfig({}).limits),
];
const router = makeRouter({
  vault: makeVaultRouter(store, inputs),
  search: makeSearchProcedure(store, inputs),
});
const PROCEDURES = Object.keys(router._def.procedures as object).sort();

const SECRET = 'the secret plan';

/** A client that wrote into a vault once, as it comes from another work session. */
interface PastWriter {
  vaultId: string;
  session: string;
  clientId: string;
}

interface Shown {
  status: number;
  text: string;
}

const headersOf = ({ session }: PastWriter) => ({ authorization: `session ${session}` });

async function get(who: PastWriter, path: string, headers: Record<string, string> = {}): Promise<Shown> {
  const mark = path.includes('?') ? '&' : '?';
  const answer = await fetch(`${server.url}${path}${mark}id=${who.clientId}`, {
    headers: { ...headersOf(who), ...headers },
  });
  return { status: answer.status, text: await answer.text() };
}

const trpcPath = (procedure: string, input?: object) =>
  `/trpc/${procedure}${input ? `?input=${encodeURIComponent(JSON.stringify(input))}` : ''}`;

async function post(who: PastWriter, path: string, body: object): Promise<Shown> {
  const answer = await fetch(`${server.url}${path}?id=${who.clientId}`, {
    method: 'POST',
    headers: { ...headersOf(who), 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, text: await answer.text() };
}

/** A call by a past writer, and what it must come to. */
interface Way {
  call(who: PastWriter): Promise<Shown>;
  /**
   * `noted`: it shows something, and is noted as this action in all three places. `refused`: 403, and nothing shown.
   * `nothing`: it shows nothing of other work sessions.
   */
  comesTo: { noted: string } | 'refused' | 'nothing';
}

const noted = (action: string, call: Way['call']): Way => ({ call, comesTo: { noted: action } });
const refused = (call: Way['call']): Way => ({ call, comesTo: 'refused' });
const nothing = (call: Way['call']): Way => ({ call, comesTo: 'nothing' });

const vaultPath = ({ vaultId }: PastWriter) => `/api/vault/${vaultId}`;

/** The first event of a subscription. */
async function firstEvent(who: PastWriter): Promise<Shown> {
  const path = trpcPath('vault.watch', { vault_id: who.vaultId });
  const stream = await EventStream.open(`${server.url}${path}&id=${who.clientId}`, headersOf(who));
  const event = await stream.next('the first row');
  stream.close();
  return { status: 200, text: JSON.stringify(event) };
}

/** For each procedure every way to call it that may show something. */
const WAYS: Record<string, Record<string, Way>> = {
  search: {
    'on REST': nothing((who) => get(who, '/api/search?q=secret&history=true')),
    'of one vault': nothing((who) => get(who, `/api/search?q=secret&vault=${who.vaultId}`)),
    'on tRPC': nothing((who) => get(who, trpcPath('search', { writer: who.clientId }))),
  },
  'vault.read': {
    'the current view': noted('read', (who) => get(who, vaultPath(who))),
    history: noted('read', (who) => get(who, `${vaultPath(who)}?history=true`)),
    'a page': noted('read', (who) => get(who, `${vaultPath(who)}?limit=1`)),
    'a search': noted('read', (who) => get(who, `${vaultPath(who)}?q=secret`)),
    'a search without a hit': noted('read', (who) => get(who, `${vaultPath(who)}?q=nothing`)),
    'an empty read since the head': noted('read', (who) => get(who, `${vaultPath(who)}?since=99999999`)),
    'a moment of the past': noted('read', (who) => get(who, `${vaultPath(who)}?as_of=99999999`)),
    'a wait that is answered at once': noted('read', (who) => get(who, `${vaultPath(who)}?wait=1`)),
    '304, which shows that nothing was written': noted('read', async (who) => {
      const [row] = (
        await database.admin.query('SELECT head_seq FROM vaults WHERE vault_id = $1', [who.vaultId])
      ).rows;
      return get(who, vaultPath(who), { 'if-none-match': `W/"${row.head_seq}"` });
    }),
    'on tRPC': noted('read', (who) => get(who, trpcPath('vault.read', { vault_id: who.vaultId }))),
  },
  'vault.readPage': {
    'on tRPC': noted('read', (who) => get(who, trpcPath('vault.readPage', { vault_id: who.vaultId }))),
  },
  'vault.list': {
    'on REST': noted('list', (who) => get(who, '/api/vault')),
    'with details': noted('list', (who) => get(who, '/api/vault?details=true')),
    'in pages': noted('list', (who) => get(who, '/api/vault?limit=1000')),
    'on tRPC': noted('list', (who) => get(who, trpcPath('vault.list'))),
    'looking for a text': nothing((who) => get(who, '/api/vault?q=secret')),
    'looking for a text, with details': nothing((who) => get(who, '/api/vault?q=secret&details=true')),
    'looking for a writer': nothing((who) => get(who, `/api/vault?writer=${who.clientId}`)),
    'looking for a tag': nothing((who) => get(who, '/api/vault?tag=plan')),
  },
  'vault.listPage': {
    'on tRPC': noted('list', (who) => get(who, trpcPath('vault.listPage', { limit: 1000 }))),
    'looking for a text': nothing((who) => get(who, trpcPath('vault.listPage', { q: 'secret' }))),
  },
  'vault.meta': {
    'on REST': noted('meta', (who) => get(who, `${vaultPath(who)}/meta`)),
    'on tRPC': noted('meta', (who) => get(who, trpcPath('vault.meta', { vault_id: who.vaultId }))),
  },
  'vault.proof': {
    'on REST': noted('proof', (who) => get(who, `${vaultPath(who)}/proof`)),
    'on tRPC': noted('proof', (who) => get(who, trpcPath('vault.proof', { vault_id: who.vaultId }))),
  },
  'vault.watch': { 'a subscription': noted('watch', firstEvent) },
  'vault.setSummary': {
    'a conflict, which shows the summary': noted('set_summary', (who) =>
      post(who, `${vaultPath(who)}/summary`, { text: 'x', expected_summary_version: 99 }),
    ),
    'a summary': nothing((who) => post(who, `${vaultPath(who)}/summary`, { text: 'by a past writer' })),
  },
  'vault.write': {
    append: refused((who) => post(who, vaultPath(who), { text: 'x' })),
    'override, which would show a conflict': refused((who) =>
      post(who, vaultPath(who), { text: 'x', entry_id: 1, expected_version: 99 }),
    ),
  },
  'vault.append': {
    'on tRPC': refused((who) => post(who, '/trpc/vault.append', { vault_id: who.vaultId, text: 'x' })),
  },
  'vault.override': {
    'on tRPC': refused((who) =>
      post(who, '/trpc/vault.override', {
        vault_id: who.vaultId,
        text: 'x',
        entry_id: 1,
        expected_version: 99,
      }),
    ),
  },
  'vault.removeWriter': {
    'on REST': refused(async (who) => {
      const url = `${server.url}${vaultPath(who)}/writers/ann?id=${who.clientId}`;
      const { status, body } = await rest('DELETE', url, { session: who.session });
      return { status, text: JSON.stringify(body) };
    }),
  },
  'vault.create': {
    'a vault of the own work session': nothing((who) => post(who, '/api/vault', { summary: '' })),
  },
  // Vaults of the own work session only; `watch` in another work session is noted above.
  'vault.changes': {
    'is a stream of the own work session': nothing(async () => ({ status: 200, text: '' })),
  },
};

test('reads from another work session: each way of every vault procedure has an expected record', () => {
  expect(Object.keys(WAYS).sort()).toEqual(PROCEDURES);
});

let vaults = 0;
async function makePastWriter(): Promise<PastWriter> {
  const clientId = `roamer-${++vaults}`;
  const home = { session: await server.login(`st-home-${vaults}`), clientId };
  const owner = new RestVaults(server.url, home);
  const vaultId = (await owner.create(SECRET)).body.vault_id;
  await owner.write(vaultId, { text: SECRET, tags: ['plan'] });
  return { vaultId, clientId, session: await server.login(`st-away-${vaults}`) };
}

/** What was noted of a vault's reads from outside, in each of the three places. */
async function notesOf({ vaultId, clientId }: PastWriter) {
  const { rows: outside } = await database.admin.query(
    'SELECT client_id FROM vault_outside_reads WHERE vault_id = $1',
    [vaultId],
  );
  const { rows: audited } = await database.admin.query(
    `SELECT action FROM audit_log WHERE vault_id = $1 AND client_id = $2 AND outcome = 'from_outside'`,
    [vaultId, clientId],
  );
  const lines = log.parsed().filter(({ msg, vault }) => msg === 'Cross-session read' && vault === vaultId);
  return {
    outside: outside.map(({ client_id }) => client_id),
    audited: audited.map(({ action }) => action),
    logged: lines.map(({ action }) => action),
  };
}

const CASES = Object.entries(WAYS).flatMap(([procedure, ways]) =>
  Object.entries(ways).map(([name, way]) => ({ procedure, name, way })),
);

test.each(CASES)(
  'a read path that skips the records: $procedure, $name, is recorded three times, or refused, or shows nothing',
  async ({ way }) => {
    const who = await makePastWriter();
    const { status, text } = await way.call(who);
    const notes = await notesOf(who);
    if (typeof way.comesTo === 'object') {
      expect(status).not.toBe(403);
      const { noted: action } = way.comesTo;
      expect(notes).toEqual({ outside: [who.clientId], audited: [action], logged: [action] });
      return;
    }
    expect(text).not.toContain(SECRET);
    expect(notes).toEqual({ outside: [], audited: [], logged: [] });
    expect(status).toBe(way.comesTo === 'refused' ? 403 : 200);
  },
);

test('a list of more vaults from outside than are noted each time notes each of them once a minute', async () => {
  const clientId = 'roamer-of-many';
  const owner = new RestVaults(server.url, { session: await server.login('st-home-of-many'), clientId });
  const ids: string[] = [];
  for (let n = 0; n < 25; n++) {
    const { vault_id: vaultId } = (await owner.create('many')).body;
    await owner.append(vaultId, 'x');
    ids.push(vaultId);
  }
  const away = new RestVaults(server.url, { session: await server.login('st-away-of-many'), clientId });
  for (let n = 0; n < 3; n++) expect((await away.list()).body).toHaveLength(25);
  const { rows } = await database.admin.query(
    `SELECT vault_id FROM audit_log WHERE client_id = $1 AND action = 'list' AND outcome = 'from_outside'`,
    [clientId],
  );
  expect(rows.map(({ vault_id }) => vault_id).toSorted()).toEqual(ids.toSorted());
});

test('a subscription notes one read, however often it wakes', async () => {
  const who = await makePastWriter();
  const owner = new RestVaults(server.url, {
    session: await server.login(`st-home-${vaults}`),
    clientId: 'ann',
  });
  const path = trpcPath('vault.watch', { vault_id: who.vaultId });
  const stream = await EventStream.open(`${server.url}${path}&id=${who.clientId}`, headersOf(who));
  await stream.next('the first row');
  for (let n = 0; n < 5; n++) {
    await owner.append(who.vaultId, `${n}`);
    await stream.next('the new row');
  }
  stream.close();
  expect(await notesOf(who)).toEqual({ outside: [who.clientId], audited: ['watch'], logged: ['watch'] });
});
