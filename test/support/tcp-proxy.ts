import { afterAll, beforeAll } from 'vitest';
import { Database } from '../../src/db/client.ts';
import { silent, type TestDatabase } from './database.ts';
import { TcpProxy } from './proxy.ts';

/** The test file's database behind a proxy; `admin` goes past it. */
export function useProxiedDatabase(database: TestDatabase): TestDatabase & { proxy: TcpProxy } {
  const url = new URL(database.url);
  const proxy = new TcpProxy({ host: url.hostname, port: Number(url.port) || 5432 });
  const proxied = { proxy } as TestDatabase & { proxy: TcpProxy };
  beforeAll(async () => {
    await proxy.start();
    url.hostname = '127.0.0.1';
    url.port = String(proxy.port);
    proxied.url = url.href;
    proxied.db = new Database({ url: url.href, poolSize: 4, log: silent });
    proxied.admin = database.admin;
  });
  afterAll(async () => {
    await proxied.db.close();
    await proxy.stop();
  });
  return proxied;
}
