import { afterEach, expect, test } from 'vitest';
import { Listener } from '../../src/db/listener.ts';
import { silent, useDatabase } from '../support/database.ts';
import { useProxiedDatabase } from '../support/tcp-proxy.ts';

const database = useDatabase();
const proxied = useProxiedDatabase(database);

let listener: Listener;
const heard: string[] = [];

function makeListener(): Listener {
  heard.length = 0;
  return new Listener({
    url: proxied.url,
    channels: { 'Test "channel"': (payload) => heard.push(payload) },
    log: silent,
    onListening: () => heard.push('(listening)'),
    onDisconnected: () => heard.push('(deaf)'),
  });
}

const announce = (payload: string) =>
  database.admin.query('SELECT pg_notify($1, $2)', ['Test "channel"', payload]);

async function countConnections(): Promise<number> {
  const { rows } = await database.admin.query(
    `SELECT count(*)::int AS n FROM pg_stat_activity
     WHERE application_name = 'vault-relay listener' AND datname = current_database()`,
  );
  return rows[0].n;
}

afterEach(() => listener.close());

test('receives announcements, reports when the connection is lost, and reconnects', async () => {
  listener = makeListener();
  await listener.start();
  await announce('one');
  await expect.poll(() => heard).toEqual(['(listening)', 'one']);

  proxied.proxy.refuse();
  await expect.poll(() => heard).toEqual(['(listening)', 'one', '(deaf)']);
  await announce('unheard');
  await proxied.proxy.nextConnection();
  await proxied.proxy.nextConnection();
  proxied.proxy.heal();

  await expect.poll(() => heard, { timeout: 5000 }).toEqual(['(listening)', 'one', '(deaf)', '(listening)']);
  await announce('two');
  await expect.poll(() => heard.at(-1)).toBe('two');
  await expect.poll(countConnections).toBe(1);
});

test('detects a silently broken connection, and reconnects', async () => {
  listener = makeListener();
  await listener.start();
  proxied.proxy.freeze();
  try {
    await expect.poll(() => heard, { timeout: 8000 }).toEqual(['(listening)', '(deaf)']);
  } finally {
    proxied.proxy.heal();
  }
  await expect.poll(() => heard.at(-1), { timeout: 8000 }).toBe('(listening)');
  await announce('again');
  await expect.poll(() => heard.at(-1)).toBe('again');
});

test('a failed first connection rejects the start', async () => {
  proxied.proxy.refuse();
  listener = makeListener();
  await expect(listener.start()).rejects.toThrow(/ECONNRESET|terminated/);
  proxied.proxy.heal();
  expect(heard).toEqual([]);
  await expect.poll(countConnections).toBe(0);
});

test('closed while it is coming back, it leaves no connection behind', async () => {
  listener = makeListener();
  await listener.start();
  proxied.proxy.cut();
  await proxied.proxy.nextConnection();
  await listener.close();
  expect(heard).toEqual(['(listening)', '(deaf)']);
  await expect.poll(() => proxied.proxy.openSockets).toBe(0);
  await expect.poll(countConnections).toBe(0);
});

test('a closed listener receives nothing and does not reconnect', async () => {
  listener = makeListener();
  await listener.start();
  await listener.close();
  await announce('late');
  await expect.poll(countConnections).toBe(0);
  expect(heard).toEqual(['(listening)']);
});
