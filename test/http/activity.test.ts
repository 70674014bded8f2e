import { randomUUID } from 'node:crypto';
import { createTRPCClient, httpBatchLink } from '@trpc/client';
import { expect, test } from 'vitest';
import type { ActivityEvent, ActivityRow } from '../../src/activity/schema.ts';
import { createVaultRelayClient, type VaultRelayClient } from '../../src/client/index.ts';
import type { AppRouter } from '../../src/router.ts';
import { RestVaults, trpcRefusal } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { Inbox } from '../support/inbox.ts';
import { useServer } from '../support/server.ts';
import { withoutTriggers } from '../support/tamper.ts';

const DASHBOARD_TOKEN = 'operator-token-of-the-tests-0123456789';
const database = useDatabase();
const server = useServer(database, { dashboardToken: DASHBOARD_TOKEN });

const freshWorkSession = () => `st-${randomUUID()}`;

async function member(workSession: string, clientId: string) {
  const session = await server.login(workSession);
  const client = createVaultRelayClient({ url: server.url, session, clientId });
  return { session, client, rest: new RestVaults(server.url, { session, clientId }) };
}

const operator = () =>
  createTRPCClient<AppRouter>({
    links: [
      httpBatchLink({
        url: `${server.url}/trpc`,
        headers: { authorization: `dashboard ${DASHBOARD_TOKEN}` },
      }),
    ],
  });

type PageInput = Parameters<VaultRelayClient['activity']['page']['query']>[0];

/** Every row of a filter, page by page. */
async function readAll({ activity }: VaultRelayClient, input: PageInput = {}): Promise<ActivityRow[]> {
  const rows: ActivityRow[] = [];
  let before: string | null | undefined;
  for (let pages = 0; before !== null; pages++) {
    expect(pages).toBeLessThan(100);
    const page = await activity.page.query({ ...input, ...(before !== undefined && { before }) });
    rows.push(...page.rows);
    before = page.before;
  }
  return rows;
}

const told = ({ what, vault, entry_no, version, client_id }: ActivityRow) =>
  what === 'read' ? `${client_id} read ${vault}` : `${client_id} ${what} ${vault} e${entry_no} v${version}`;

function follow(client: VaultRelayClient, lastEventId?: string) {
  const events = new Inbox<ActivityEvent>();
  const errors = new Inbox<unknown>();
  const stream = client.activity.watch.subscribe(
    { lastEventId },
    { onData: ({ data }) => events.put(data), onError: (error) => errors.put(error) },
  );
  /** The next rows, past what is told of who is present. */
  const rows = async (): Promise<ActivityRow[]> => {
    const event = await events.next('rows');
    return event.type === 'rows' ? event.rows : rows();
  };
  /** The next event that the condition holds for. */
  const until = async (holds: (event: ActivityEvent) => boolean): Promise<ActivityEvent> => {
    const event = await events.next('an event');
    return holds(event) ? event : until(holds);
  };
  return { errors, rows, until, stop: () => stream.unsubscribe() };
}

test('a page shows what happened in all vaults of a work session, the newest first, and no other work session', async () => {
  const workSession = freshWorkSession();
  const [ann, bob] = [await member(workSession, 'ann'), await member(workSession, 'bob')];
  const stranger = await member(freshWorkSession(), 'eve');
  const auth = (await ann.rest.create('auth')).body.vault_id;
  const docs = (await bob.rest.create('docs')).body.vault_id;
  await stranger.rest.create('not theirs');
  await ann.rest.write(auth, { text: `**JWT** ${'x'.repeat(400)}`, tags: ['decision', 'auth'] });
  await bob.rest.append(docs, 'readme');
  await bob.rest.override(auth, 1, 'JWT, 15 minutes');
  await ann.rest.setSummary(docs, 'docs, v2');
  // Ann wrote in this work session, and reads from another one.
  const away = new RestVaults(server.url, { ...(await member('st-away', 'ann')), clientId: 'ann' });
  await away.read(auth);

  const rows = await readAll(ann.client, { limit: 2 });
  expect(rows.map(told)).toEqual([
    'ann read auth',
    'ann summed_up docs, v2 e0 v2',
    'bob edited auth e1 v2',
    'bob wrote docs, v2 e1 v1',
    'ann wrote auth e1 v1',
    'bob created docs, v2 e0 v1',
    'ann created auth e0 v1',
  ]);
  expect(rows).toEqual((await ann.client.activity.page.query({})).rows);
  expect(rows[4]).toMatchObject({
    tags: ['decision', 'auth'],
    cut: true,
    n: 2,
    work_session_id: workSession,
  });
  expect([rows[4]?.snippet?.length, rows[4]?.author]).toEqual([280, expect.stringMatching(/^session:/)]);
  expect(rows[0]).toMatchObject({ reader_work_session_id: 'st-away' });
  expect(rows[0]).not.toHaveProperty('snippet');

  const only = async (input: PageInput) => (await readAll(bob.client, { limit: 1, ...input })).map(told);
  expect(await only({ vault_id: docs, client_id: 'bob' })).toEqual([
    'bob wrote docs, v2 e1 v1',
    'bob created docs, v2 e0 v1',
  ]);
  expect(await only({ tag: 'decision' })).toEqual(['bob edited auth e1 v2', 'ann wrote auth e1 v1']);
  expect(await only({ what: ['read', 'summed_up'] })).toEqual([
    'ann read auth',
    'ann summed_up docs, v2 e0 v2',
  ]);
  expect(await only({ work_session_id: 'st-away' })).toEqual([]);
  expect(await only({ until: rows[3]?.at ?? '' })).toEqual([
    'ann wrote auth e1 v1',
    'bob created docs, v2 e0 v1',
    'ann created auth e0 v1',
  ]);
  // To the microsecond, with any offset.
  const fourth = rows[3]?.at ?? '';
  const east = new Date(Date.parse(fourth) + 3_600_000).toISOString().slice(0, 19);
  expect(await only({ since: `${east}.${fourth.slice(20, 26)}+01:00` })).toEqual(rows.slice(0, 4).map(told));
  expect(await only({ until: '2001-01-01T00:00:00Z' })).toEqual([]);
  for (const before of ['nonsense', '1.2.\0', '1.2.\ud800'])
    expect(await trpcRefusal(bob.client.activity.page.query({ before }))).toMatchObject({
      code: 'BAD_REQUEST',
    });

  // A key for some vaults sees those alone; an operator sees every vault, and each look is noted.
  const { key } = await server.makeKey(workSession, { vaults: [docs] });
  const limited = createVaultRelayClient({ url: server.url, session: key });
  expect(new Set((await readAll(limited)).map(({ vault_id }) => vault_id))).toEqual(new Set([docs]));
  expect(await only({})).toHaveLength(7);
  expect((await readAll(operator(), { work_session_id: workSession })).map(told)).toEqual(rows.map(told));
  expect((await operator().activity.page.query({})).rows.map(told)).toContain('eve created not theirs e0 v1');
  const { rows: noted } = await database.admin.query(
    "SELECT action, outcome, vault_id FROM audit_log WHERE action = 'activity'",
  );
  expect(noted).toEqual(Array(2).fill({ action: 'activity', outcome: 'operator', vault_id: null }));
});

test('pages: rows of the same moment and rows behind many others are neither lost nor repeated', async () => {
  const workSession = freshWorkSession();
  const ann = await member(workSession, 'ann');
  const ids: string[] = [];
  for (const name of ['a', 'b', 'c']) ids.push((await ann.rest.create(name)).body.vault_id);
  const quoted = `'{${ids.join(',')}}'`;
  // A vault with 1,200 rows of a minute each, and two whose rows have its times too; the oldest has a tag.
  await withoutTriggers(
    database.admin,
    `INSERT INTO vault_entries (bucket, vault_id, seq, entry_no, version, kind, writer_id, content, hash, created_at, tags)
     SELECT vault_bucket(id), id, 1 + n, n, 1, 'content', 'ann', 'text ' || n, sha256(''),
       now() - interval '1400 minutes' + n * interval '1 minute', CASE WHEN n = 1 THEN '{old}' ELSE '{}' END::text[]
     FROM unnest(${quoted}::text[]) WITH ORDINALITY AS v (id, place), generate_series(1, CASE place WHEN 1 THEN 1200 ELSE 30 END) AS n;
     UPDATE vault_entries SET created_at = now() - interval '1500 minutes' WHERE seq = 1 AND vault_id = ANY (${quoted});
     UPDATE vaults AS v SET created_at = now() - interval '1500 minutes', (head_seq, changed_at) = (
       SELECT max(seq), max(created_at) FROM vault_entries AS e WHERE e.bucket = v.bucket AND e.vault_id = v.vault_id)
     WHERE vault_id = ANY (${quoted})`,
  );
  const rows = await readAll(ann.client, { limit: 100 });
  expect(rows).toHaveLength(1200 + 30 + 30 + 3);
  expect(new Set(rows.map(({ vault_id, n }) => `${vault_id} ${n}`)).size).toBe(rows.length);
  const times = rows.map(({ at }) => at);
  expect(times).toEqual(times.toSorted().reverse());
  // Each page looks at 511 rows of a vault, and tells where it stopped.
  const old = await readAll(ann.client, { tag: 'old' });
  expect(new Set(old.map(({ vault_id }) => vault_id))).toEqual(new Set(ids));

  // By hour: 1,260 rows and three vaults, all of them within 26 hours.
  const { hours, vaults, cut, start } = await ann.client.activity.hours.query({ hours: 48 });
  const sum = (counts: number[]) => counts.reduce((all, count) => all + count, 0);
  expect(sum(hours.map(({ wrote }) => wrote))).toBe(1260);
  expect(sum(hours.map(({ created }) => created))).toBe(3);
  expect(vaults.map(({ rows: all, hours: own }) => [all, sum(own)])).toEqual([
    [1201, 1201],
    [31, 31],
    [31, 31],
  ]);
  expect([cut, hours.length]).toEqual([false, 48]);
  const first = Date.parse(start);
  const counted = rows.filter(
    ({ at, what }) => what === 'wrote' && Math.floor((Date.parse(at) - first) / 3_600_000) === 40,
  );
  expect(hours[40]?.wrote).toBe(counted.length);
  expect((await ann.client.activity.hours.query({ hours: 1 })).hours).toHaveLength(1);
  // More vaults than are counted.
  await withoutTriggers(
    database.admin,
    `INSERT INTO vaults SELECT (jsonb_populate_record(v, jsonb_build_object('vault_id', 'copy-' || n, 'bucket', vault_bucket('copy-' || n)))).*
     FROM vaults AS v, generate_series(1, 2000) AS n WHERE vault_id = '${ids[1]}'`,
  );
  expect((await ann.client.activity.hours.query({ hours: 47 })).cut).toBe(true);
});

test('filtered pages of more rows than one looks at, and of times that step back, end and find all that matches', async () => {
  const ann = await member(freshWorkSession(), 'ann');
  const names = Array.from({ length: 25 }, (_, n) => `vault ${n}`);
  const ids = await Promise.all(names.map(async (name) => (await ann.rest.create(name)).body.vault_id));
  const quoted = `'{${ids.join(',')}}'`;
  // One old row of one vault is later than all others.
  await withoutTriggers(
    database.admin,
    `INSERT INTO vault_entries (bucket, vault_id, seq, entry_no, version, kind, writer_id, content, hash, created_at, tags)
     SELECT vault_bucket(id), id, 1 + n, n, 1, 'content', 'ann', 'text', sha256(''),
       now() - interval '600 minutes' + (n + CASE WHEN place = 1 AND n = 51 THEN 599 ELSE 0 END) * interval '1 minute',
       CASE WHEN n = 103 THEN '{old}' ELSE '{}' END::text[]
     FROM unnest(${quoted}::text[]) WITH ORDINALITY AS v (id, place), generate_series(1, 550) AS n;
     UPDATE vault_entries SET created_at = now() - interval '700 minutes' WHERE seq = 1 AND vault_id = ANY (${quoted});
     UPDATE vaults SET head_seq = 551, changed_at = now() - interval '50 minutes' WHERE vault_id = ANY (${quoted})`,
  );
  const first = await ann.client.activity.page.query({ tag: 'old' });
  expect([first.rows.length, typeof first.before]).toEqual([0, 'string']);
  const old = await readAll(ann.client, { tag: 'old' });
  expect(old.map(({ vault_id }) => vault_id).toSorted()).toEqual(ids.toSorted());
});

test('a stream tells each row once it is committed, who is present, and ends with its credential', async () => {
  const workSession = freshWorkSession();
  const [ann, bob] = [await member(workSession, 'ann'), await member(workSession, 'bob')];
  const vault = (await ann.rest.create('live')).body.vault_id;
  const { key } = await server.makeKey(workSession, {
    vaults: [(await ann.rest.create('other')).body.vault_id],
  });
  const following = follow(ann.client);
  const first = await following.until(({ type }) => type === 'present');
  expect(first).toMatchObject({
    present: {
      servers: 'all',
      astations: [],
      clients: [{ client_id: 'ann', via: ['rest', 'trpc'], connected: true }],
    },
  });
  const limited = follow(createVaultRelayClient({ url: server.url, session: key }));
  expect(await limited.until(({ type }) => type === 'present')).toMatchObject({ present: null });
  await bob.rest.append(vault, 'from bob');
  expect((await following.rows()).map(told)).toEqual(['bob wrote live e1 v1']);
  const away = new RestVaults(server.url, { ...(await member('st-away', 'bob')), clientId: 'bob' });
  await away.read(vault);
  expect((await following.rows()).map(told)).toEqual(['bob read live']);
  const present = await following.until(
    (event) =>
      event.type === 'present' &&
      event.present?.clients.some(({ client_id }) => client_id === 'bob') === true,
  );
  const { clients } = (present.type === 'present' && present.present) || { clients: [] };
  expect(clients.find(({ client_id }) => client_id === 'bob')).toMatchObject({
    via: ['rest'],
    connected: false,
    wrote: { vault_id: vault, entry_no: 1, version: 1 },
  });
  following.stop();

  // What was written meanwhile arrives after all, from the last event on.
  await bob.rest.append(vault, 'missed');
  const again = follow(ann.client, String(present.at));
  const resumed = (await again.rows()).map(told);
  expect(resumed.at(-1)).toBe('bob wrote live e2 v1');
  expect(new Set(resumed).size).toBe(resumed.length);
  await server.sessions.revoke(ann.session);
  expect(String(await again.errors.next('the end'))).toContain('ended while the request was waiting');
  limited.stop();
});

test('a resumed stream says that rows are missing where there are more than it sends', async () => {
  const workSession = freshWorkSession();
  const ann = await member(workSession, 'ann');
  const vault = (await ann.rest.create('much')).body.vault_id;
  const since = Date.now() * 1000;
  await Promise.all(Array.from({ length: 220 }, (_, n) => ann.rest.append(vault, `row ${n}`)));
  const following = follow(ann.client, String(since));
  expect([(await following.rows()).length, (await following.rows()).length]).toEqual([100, 100]);
  await following.until(({ type }) => type === 'gap');
  following.stop();

  // Where all that happened since fits, nothing is missing, whatever the vault had before.
  const last = (await ann.client.activity.page.query({ limit: 1 })).rows[0]?.at ?? '';
  await withoutTriggers(
    database.admin,
    `UPDATE vault_entries SET created_at = created_at - interval '1 hour' WHERE vault_id = '${vault}' AND seq < 221`,
  );
  const page = await ann.client.activity.page.query({ since: last, limit: 200 });
  expect([page.rows.length, page.before]).toEqual([1, null]);
  const again = follow(ann.client, String(Date.parse(last) * 1000));
  expect(await again.rows()).toHaveLength(1);
  await ann.rest.append(vault, 'live');
  const next = await again.until(({ type }) => type !== 'present');
  expect(next).toMatchObject({ type: 'rows', rows: [{ snippet: 'live' }] });
  again.stop();
});
