import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { NUDGE_WINDOW_MS } from '../../src/relay/nudge.ts';
import { SessionStore } from '../../src/session/store.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { RestVaults, trpcClient } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { useRelayServer } from '../support/relay-server.ts';
import {
  type AstationSocket,
  open,
  openAstation,
  openAtem,
  type TestSocket,
  wsUrl,
} from '../support/sockets.ts';
import { TestStore } from '../support/store.ts';

const database = useDatabase();
const server = useRelayServer(database);

interface Nudge {
  type: 'vault-updated';
  data: { vault_id: string; seq: number };
}

const nextNudge = async (socket: TestSocket): Promise<Nudge> => {
  const text = await socket.nextText('a nudge');
  const nudge = JSON.parse(text) as Nudge;
  // Exactly these fields and no others: a nudge has no content.
  expect(text).toBe(
    `{"type":"vault-updated","data":{"vault_id":"${nudge.data?.vault_id}","seq":${nudge.data?.seq}}}`,
  );
  return nudge;
};

async function login(astationId: string): Promise<string> {
  const session = randomUUID();
  await new SessionStore(database.db).createGranted(session, { hostname: 'h', astationId });
  return session;
}

/** A room with two atems, one by code and one by session, and a third party that writes over HTTP. */
async function workSession() {
  const code = `st-${randomUUID()}`;
  const owner = await openAstation(server.url, code);
  const session = await login(code);
  const a = await openAtem(server.url, code, 'a');
  const b = await open(wsUrl(server.url, { role: 'atem', session, atem_id: 'b' }));
  for (const atem_id of ['a', 'b']) expect(await owner.next()).toMatchObject({ atem_id });
  const vaults = new RestVaults(server.url, { session, clientId: 'writer' });
  const vaultId = (await vaults.create('notes')).body.vault_id;
  return { code, owner, a, b, vaults, vaultId, session };
}

/** Shows that these sockets have got nothing, by a frame that comes after whatever there was. */
async function marked(owner: AstationSocket, ...atems: TestSocket[]): Promise<void> {
  const marker = JSON.stringify({ marker: randomUUID() });
  owner.send(marker);
  for (const atem of atems) expect(await atem.nextText('the marker')).toBe(marker);
}

describe('after a content write', () => {
  test('every atem of the room gets the vault and a seq that can be read at once', async () => {
    const { owner, a, b, vaults, vaultId } = await workSession();
    for (let n = 1; n <= 5; n++) {
      const { seq } = (await vaults.append(vaultId, `secret text ${n}`)).body;
      for (const atem of [a, b]) {
        const nudge = await nextNudge(atem);
        expect(nudge).toEqual({ type: 'vault-updated', data: { vault_id: vaultId, seq } });
        const news = (await vaults.read(vaultId, `&since=${nudge.data.seq - 1}`)).body;
        expect(news.map((entry) => [entry.seq, entry.content])).toEqual([[seq, `secret text ${n}`]]);
      }
    }
    await owner.hearsNothing();
  });

  test('an override nudges too, and a write over tRPC', async () => {
    const { a, vaults, vaultId, session } = await workSession();
    await vaults.append(vaultId, 'one');
    await nextNudge(a);
    const { seq } = (await vaults.override(vaultId, 1, 'two')).body;
    expect((await nextNudge(a)).data).toEqual({ vault_id: vaultId, seq });
    const client = trpcClient(server.url, { session, clientId: 'c' });
    const third = await client.vault.append.mutate({ vault_id: vaultId, text: 'three' });
    expect((await nextNudge(a)).data).toEqual({ vault_id: vaultId, seq: third.seq });
  });

  test('writers at the same time make few nudges, each newer than the last, and the last is the newest', async () => {
    const { owner, a, b, vaults, vaultId } = await workSession();
    const begun = performance.now();
    const writes = await Promise.all(
      Array.from({ length: 100 }, (_, n) => vaults.append(vaultId, `text ${n}`)),
    );
    const newest = Math.max(...writes.map(({ body }) => body.seq));
    for (const atem of [a, b]) {
      const seqs: number[] = [];
      while (seqs.at(-1) !== newest) seqs.push((await nextNudge(atem)).data.seq);
      expect(seqs).toEqual([...seqs].sort((x, y) => x - y));
      expect(new Set(seqs).size).toBe(seqs.length);
      // One a window, however long the writes took; a timer may be a millisecond early.
      const windows = (performance.now() - begun) / (NUDGE_WINDOW_MS - 1);
      expect(seqs.length).toBeLessThanOrEqual(windows + 1);
    }
    // A later write has its own nudge, and there was none between.
    const { seq } = (await vaults.append(vaultId, 'later')).body;
    expect((await nextNudge(a)).data.seq).toBe(seq);
    await nextNudge(b);
    await marked(owner, a, b);
  });

  test('two vaults written at once are nudged apart', async () => {
    const { a, vaults, vaultId } = await workSession();
    const other = (await vaults.create('other')).body.vault_id;
    const [first, second] = await Promise.all([vaults.append(vaultId, 'x'), vaults.append(other, 'y')]);
    const nudges = [await nextNudge(a), await nextNudge(a)].map(({ data }) => data);
    expect(new Map(nudges.map(({ vault_id, seq }) => [vault_id, seq]))).toEqual(
      new Map([
        [vaultId, first.body.seq],
        [other, second.body.seq],
      ]),
    );
  });

  test('an atem whose Astation is away is nudged all the same', async () => {
    const { owner, a, vaults, vaultId } = await workSession();
    await owner.leave();
    const { seq } = (await vaults.append(vaultId, 'x')).body;
    expect((await nextNudge(a)).data.seq).toBe(seq);
  });
});

describe('no nudge', () => {
  test('for a summary, a new vault, a read, or a refused write', async () => {
    const { owner, a, vaults, vaultId } = await workSession();
    await vaults.setSummary(vaultId, 'new summary');
    await vaults.create('another');
    await vaults.read(vaultId);
    expect((await vaults.override(vaultId, 99, 'x')).status).toBe(404);
    expect((await vaults.append('v-0000000000', 'x')).status).toBe(404);
    // Nudges wait for one another in no order but time: one that comes later shows that none was waiting.
    const { seq } = (await vaults.append(vaultId, 'x')).body;
    expect((await nextNudge(a)).data).toEqual({ vault_id: vaultId, seq });
    await marked(owner, a);
  });

  test('to another room, to an Astation, or to one that has yet to prove its key', async () => {
    const mine = await workSession();
    const theirs = await workSession();
    const { seq } = (await mine.vaults.append(mine.vaultId, 'mine')).body;
    expect((await nextNudge(mine.a)).data.seq).toBe(seq);
    const theirSeq = (await theirs.vaults.append(theirs.vaultId, 'theirs')).body.seq;
    expect((await nextNudge(theirs.a)).data).toEqual({ vault_id: theirs.vaultId, seq: theirSeq });
    expect((await nextNudge(theirs.b)).data.seq).toBe(theirSeq);
    await marked(theirs.owner, theirs.a, theirs.b);
    await mine.owner.hearsNothing();
    await theirs.owner.hearsNothing();
  });

  test('to an atem that has been replaced', async () => {
    const { code, owner, a, vaults, vaultId } = await workSession();
    const fresh = await openAtem(server.url, code, 'a');
    expect(await owner.next()).toMatchObject({ atem_id: 'a', relay_event: 'connected' });
    const { seq } = (await vaults.append(vaultId, 'x')).body;
    expect((await nextNudge(fresh)).data.seq).toBe(seq);
    expect((await a.closed()).code).toBe(1000);
    expect(a.takeWaiting()).toEqual([]);
  });
});

test('a listener that throws does not fail the write, nor keep others from hearing of it', async () => {
  const heard: number[] = [];
  const feed = new VaultFeed();
  feed.listen(() => {
    throw new Error('this listener fails');
  });
  feed.listen(({ seq }) => heard.push(seq));
  const store = new TestStore(database.db, feed);
  const caller = { workSessionId: 'st-feed', clientId: 'writer' };
  const { vault_id } = await store.create(caller, '');
  const { seq } = await store.append(caller, vault_id, 'stands');
  // Of the summary that the vault was made with, and of the entry.
  expect(heard).toEqual([expect.any(Number), seq]);
  expect((await store.read(caller, vault_id, {})).map((entry) => entry.content)).toEqual(['stands']);
});
