import assert from 'node:assert/strict';
import { Astation } from './astation.ts';
import { Atem, label, type VaultEntry } from './atem.ts';
import { call, fetchToken, grantByOtp, grantSigned, requestSession } from './login.ts';
import { Socket } from './socket.ts';

type Say = (line: string) => void;

/** An atem and an Astation meet in a room of a code that a person reads aloud. */
async function pair(base: string, say: Say): Promise<void> {
  const { code } = await call<{ code: string }>(201, 'POST', `${base}/api/pair`, { hostname: 'build-mac' });
  assert.match(code, /^[A-HJKMNP-Z2-9]{4}-[A-HJKMNP-Z2-9]{4}$/);
  const atem = await Socket.open(base, { role: 'atem', code, atem_id: '团队-mac' });
  const astation = await Socket.open(base, { role: 'astation', code });
  const arrived = await astation.next((frame) => frame.relay_event === 'connected');
  assert.equal(arrived.atem_id, '团队-mac');
  const status = await call<{ paired: boolean; atem_ids: string[] }>(200, 'GET', `${base}/api/pair/${code}`);
  assert.deepEqual([status.paired, status.atem_ids], [true, ['团队-mac']]);
  atem.send({ type: 'hello', data: { n: 1 } });
  const envelope = await astation.next((frame) => 'payload' in frame);
  assert.deepEqual(envelope.payload, { type: 'hello', data: { n: 1 } });
  astation.send({ ...envelope, payload: { type: 'welcome' } });
  await atem.next((frame) => frame.type === 'welcome');
  await call(200, 'DELETE', `${base}/api/pair/${code}`);
  say(`An atem pairs by a code: both sides meet, talk, and the room is closed`);
}

/** Two sessions of one Astation, one of another, each by a way of its own. */
async function logIn(base: string, run: string, say: Say) {
  const home = await Astation.connect(base, `acceptance-${run}`);
  const other = await Astation.connect(base, `acceptance-other-${run}`);
  say('Two Astations prove their keys, which are registered');

  const a = await requestSession(base, 'host-a');
  await grantSigned(base, a, home);
  await fetchToken(base, a);
  say('A asks for a session; its Astation grants it with a signature, which binds it');

  const b = await requestSession(base, 'host-b');
  await grantByOtp(base, b);
  const unbound = new Atem(base, { session: b.id, clientId: 'atem-b' });
  await unbound.call(401, 'GET', '');
  await home.ask({ type: 'relayBind', session_id: b.id });
  say('B is granted by its OTP alone: 401 on vaults, until the Astation binds it');

  const c = await requestSession(base, 'host-c');
  await grantByOtp(base, c);
  await other.ask({ type: 'relaySessions', sessions: [c.id] });
  say('C is bound to the other Astation');
  return { home, other, sessions: { a: a.id, b: b.id, c: c.id } };
}

/**
 * The acceptance story of the wire contract, from pairing to hand-over, step by step.
 * @throws AssertionError at the first step that fails
 */
export async function tellStory(base: string, say: Say): Promise<void> {
  const run = Math.random().toString(36).slice(2, 8);
  await pair(base, say);
  const { home, other, sessions } = await logIn(base, run, say);
  const listening = await Socket.open(base, { role: 'atem', session: sessions.b, atem_id: 'host-b' });
  const a = new Atem(base, { session: sessions.a, clientId: `atem-a-${run}` });
  const b = new Atem(base, { session: sessions.b, clientId: `团队 b/${run}` });
  const c = new Atem(base, { session: sessions.c, clientId: `atem-c-${run}` });
  const roaming = new Atem(base, { session: sessions.c, clientId: `atem-a-${run}` });

  const { vault_id: vault } = await a.call<{ vault_id: string }>(200, 'POST', '', {
    summary: 'auth refactor',
  });
  say(`A creates the vault ${vault}`);

  const first = await a.call<{ entry_no: number; version: number; seq: number }>(200, 'POST', `/${vault}`, {
    text: 'decided: JWT in a cookie',
  });
  assert.deepEqual([first.entry_no, first.version], [1, 1]);
  say('A writes: e1 v1');

  const nudge = await listening.next((frame) => frame.type === 'vault-updated');
  assert.deepEqual(nudge.data, { vault_id: vault, seq: first.seq });
  say('B is nudged: the vault has news, and not what');

  const seen = await b.call<VaultEntry[]>(200, 'GET', `/${vault}`);
  assert.deepEqual(seen.map(label), ['e1 v1 decided: JWT in a cookie']);
  say('B, of the same Astation, reads it');

  const listed = await b.call<{ vault_id: string; summary: string }[]>(200, 'GET', '');
  assert.ok(listed.some((item) => item.vault_id === vault && item.summary === 'auth refactor'));
  say('B finds the vault in its list');

  const second = await a.call<{ entry_no: number; version: number; seq: number }>(200, 'POST', `/${vault}`, {
    text: 'JWT, 15 minutes',
    entry_id: 1,
  });
  assert.deepEqual([second.entry_no, second.version], [1, 2]);
  assert.ok(second.seq > first.seq);
  say('A overrides e1: e1 v2');

  const history = await b.call<VaultEntry[]>(200, 'GET', `/${vault}?history=true`);
  assert.deepEqual(history.map(label), ['e1 v1 decided: JWT in a cookie', 'e1 v2 JWT, 15 minutes']);
  const current = await b.call<VaultEntry[]>(200, 'GET', `/${vault}`);
  assert.deepEqual(current.map(label), ['e1 v2 JWT, 15 minutes']);
  say('B sees e1 v1 and e1 v2 in the history, and e1 v2 alone in the current view');

  const news = await b.call<VaultEntry[]>(200, 'GET', `/${vault}?since=${first.seq}&history=true`);
  assert.deepEqual(news.map(label), ['e1 v2 JWT, 15 minutes']);
  say('B catches up since the first write and sees the second only');

  await b.call(404, 'POST', `/${vault}`, { text: 'to nobody', entry_id: 99 });
  say('Overriding an entry that was never written is 404');

  assert.deepEqual(await b.call(200, 'POST', `/${vault}/summary`, { text: 'auth: decided' }), {});
  say('B replaces the summary');

  await c.call(403, 'GET', `/${vault}`);
  await c.call(403, 'POST', `/${vault}`, { text: 'from outside' });
  const outside = await c.call<{ vault_id: string }[]>(200, 'GET', '');
  assert.ok(!outside.some((item) => item.vault_id === vault));
  say('C, of another Astation, is kept out: 403, and nothing in its list');

  const past = await roaming.call<VaultEntry[]>(200, 'GET', `/${vault}`);
  assert.deepEqual(past.map(label), ['e1 v2 JWT, 15 minutes']);
  await roaming.call(403, 'POST', `/${vault}`, { text: 'from another work session' });
  say('A, coming from another work session, may still read what it helped to write, and not write');

  const stranger = new Atem(base, { session: 'no-such-session', clientId: 'x' });
  await stranger.call(401, 'GET', '');
  await a.call(404, 'GET', '/v-0000000000');
  say('An unknown session is 401, an unknown vault 404');

  await home.ask({ type: 'relayUnbind', session_id: sessions.b });
  await b.call(401, 'GET', `/${vault}`);
  await a.call(200, 'GET', `/${vault}`);
  say('The Astation unbinds B: B is 401 at once, A works on');
  for (const socket of [home.socket, other.socket, listening]) socket.close();
}
