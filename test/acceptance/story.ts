import assert from 'node:assert/strict';
import { Atem, label, type VaultEntry } from './atem.ts';

export interface Sessions {
  /** Two of one Astation. */
  a: string;
  b: string;
  /** One of another Astation. */
  c: string;
}

type Say = (line: string) => void;

/** The acceptance story of the wire contract, step by step. @throws AssertionError at the first step that fails */
export async function tellStory(base: string, sessions: Sessions, say: Say): Promise<void> {
  const run = Math.random().toString(36).slice(2, 8);
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
}
