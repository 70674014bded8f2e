import { afterAll, expect, test } from 'vitest';
import { AstationKey } from '../support/astation-key.ts';
import { RestVaults, rest } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { type ServerProcess, startServerProcess } from '../support/server-process.ts';
import {
  type AstationSocket,
  open,
  openAstation,
  openAtem,
  openVerified,
  type TestSocket,
  wsUrl,
} from '../support/sockets.ts';

const database = useDatabase();
const running = new Set<ServerProcess>();
afterAll(async () => {
  for (const server of running) await server.terminate();
});

/** @param port 0 takes any that is free */
async function start(port: number): Promise<ServerProcess> {
  const server = await startServerProcess({ DATABASE_URL: database.url, PORT: String(port) });
  running.add(server);
  return server;
}

const ASTATION = 'my-astation';

/** One atem, with what it keeps between two runs of the server. */
class Atem {
  readonly name: string;
  session = '';
  vaults: RestVaults;
  socket: TestSocket | undefined;

  constructor(name: string) {
    this.name = name;
    this.vaults = new RestVaults('', { session: '', clientId: name });
  }

  /** Asks for a session, and lets the Astation bind it through a pairing room. */
  async pair(server: ServerProcess, astation: AstationSocket): Promise<void> {
    const asked = await rest<{ id: string; otp: string }>('POST', `${server.url}/api/sessions`, {
      body: { hostname: this.name },
    });
    expect(asked.status).toBe(201);
    this.session = asked.body.id;
    this.vaults = new RestVaults(server.url, { session: this.session, clientId: this.name });
    expect((await this.vaults.list()).status).toBe(401);

    const paired = await rest<{ code: string }>('POST', `${server.url}/api/pair`, {
      body: { hostname: this.name },
    });
    expect(paired.status).toBe(201);
    const { code } = paired.body;
    const waiting = await openAtem(server.url, code, this.name);
    // A person types the code into the app, which comes into the room.
    const app = await openAstation(server.url, code);
    const { connection_id } = await app.next('the atem to be announced');
    expect((await rest('GET', `${server.url}/api/pair/${code}`)).body).toMatchObject({
      paired: true,
      atem_ids: [this.name],
    });
    waiting.send({ type: 'hello', data: { session: this.session } });
    const hello = await app.next('the hello of the atem');
    expect(hello).toEqual({
      atem_id: this.name,
      connection_id,
      payload: { type: 'hello', data: { session: this.session } },
    });
    const granted = await rest('POST', `${server.url}/api/sessions/${this.session}/grant`, {
      body: { otp: asked.body.otp },
    });
    expect(granted.status).toBe(200);
    expect(await astation.ask({ type: 'relayBind', session_id: this.session })).toMatchObject({ ok: true });
    app.send({ atem_id: this.name, connection_id, payload: { type: 'paired', data: {} } });
    expect(await waiting.nextText('the answer of the app')).toBe('{"type":"paired","data":{}}');
    expect((await rest('DELETE', `${server.url}/api/pair/${code}`)).body).toEqual({ closed: true });
    expect((await waiting.closed()).code).toBe(1000);
    expect((await app.closed()).code).toBe(1000);
  }

  /** Comes into the room of its Astation by its session alone. */
  async enter(url: string, astation: AstationSocket): Promise<void> {
    this.socket = await open(wsUrl(url, { role: 'atem', session: this.session, atem_id: this.name }));
    expect(await astation.next(`${this.name} to be announced`)).toMatchObject({
      atem_id: this.name,
      relay_event: 'connected',
    });
  }

  async nudged(vaultId: string): Promise<number> {
    const nudge = await this.live.next(`a nudge for ${this.name}`);
    expect(nudge).toEqual({ type: 'vault-updated', data: { vault_id: vaultId, seq: expect.any(Number) } });
    return (nudge.data as { seq: number }).seq;
  }

  get live(): TestSocket {
    if (!this.socket) throw new Error(`${this.name} is not connected`);
    return this.socket;
  }
}

test('the life of a work session, over a restart of the server', async () => {
  const key = new AstationKey();
  const [a, b] = [new Atem('atem-a'), new Atem('团队-b')];
  let server = await start(0);

  let astation = await openAstation(server.url, ASTATION);
  expect(await astation.prove(key)).toMatchObject({ status: 'registered' });
  for (const atem of [a, b]) {
    await atem.pair(server, astation);
    await atem.enter(server.url, astation);
  }

  const { vault_id } = (await a.vaults.create('auth refactor')).body;
  const first = (await a.vaults.append(vault_id, 'decided: JWT in a cookie')).body;
  expect(await b.nudged(vault_id)).toBe(first.seq);
  expect(await a.nudged(vault_id)).toBe(first.seq);
  const seen = (await b.vaults.read(vault_id)).body;
  expect(seen.map(({ writer_id, content }) => [writer_id, content])).toEqual([
    ['atem-a', 'decided: JWT in a cookie'],
  ]);
  const second = (await b.vaults.override(vault_id, first.entry_no, 'JWT, 15 minutes')).body;
  expect(await a.nudged(vault_id)).toBe(second.seq);
  expect(await b.nudged(vault_id)).toBe(second.seq);
  const news = (await a.vaults.read(vault_id, `&since=${first.seq}`)).body;
  expect(news.map(({ entry_no, version, content }) => [entry_no, version, content])).toEqual([
    [1, 2, 'JWT, 15 minutes'],
  ]);

  const closings = [astation, a.live, b.live].map((socket) => socket.closed());
  const { port } = server;
  expect(await server.terminate()).toBe(0);
  for (const closing of closings) {
    expect(await closing).toEqual({ code: 1012, reason: 'the server is restarting' });
  }

  server = await start(port);
  expect(server.port).toBe(port);
  astation = await openVerified(server.url, ASTATION, key);
  for (const atem of [a, b]) await atem.enter(server.url, astation);
  const third = (await b.vaults.append(vault_id, 'after the restart')).body;
  expect(third.seq).toBeGreaterThan(second.seq);
  expect(await a.nudged(vault_id)).toBe(third.seq);
  expect(await b.nudged(vault_id)).toBe(third.seq);
  const caughtUp = (await a.vaults.read(vault_id, `&since=${second.seq}`)).body;
  expect(caughtUp.map(({ content }) => content)).toEqual(['after the restart']);

  astation.send({ type: 'relayUnbind', session_id: b.session });
  // Its acknowledgement and the end of the socket may come in either order.
  const told = [await astation.next(), await astation.next()];
  expect(told).toContainEqual({ type: 'relayAck', for: 'relayUnbind', ok: true });
  expect(told).toContainEqual(expect.objectContaining({ atem_id: '团队-b', relay_event: 'disconnected' }));
  expect((await b.vaults.read(vault_id)).status).toBe(401);
  expect((await b.vaults.append(vault_id, 'no more')).status).toBe(401);
  expect(await b.live.closed()).toEqual({ code: 1008, reason: 'this session has ended' });

  const fourth = (await a.vaults.append(vault_id, 'going on alone')).body;
  expect(await a.nudged(vault_id)).toBe(fourth.seq);
  const all = (await a.vaults.read(vault_id, '&history=true')).body;
  expect(all.map(({ content }) => content)).toEqual([
    'decided: JWT in a cookie',
    'JWT, 15 minutes',
    'after the restart',
    'going on alone',
  ]);
});
