import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import pino from 'pino';
import type { TestProject } from 'vitest/node';
import { startEmbedded } from '../../src/db/embedded/postgres.ts';
import { migrate } from '../../src/db/migrate.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Superuser URL of the PostgreSQL server for the test databases. */
    adminUrl: string;
    /** A migrated database that each test file clones. */
    template: string;
    /** The DATA_DIR of a stopped, migrated database, for copies; undefined with an external server. */
    dataDir: string | undefined;
    /** How many servers the relay's tests run on. */
    replicas: number;
  }
}

/** Trades durability for speed, because test data may be lost in a crash. */
const FAST = ['-c', 'fsync=off', '-c', 'synchronous_commit=off', '-c', 'max_connections=200'];

interface Server {
  url: string;
  dataDir: string | undefined;
  stop(): Promise<void>;
}

async function startServer(): Promise<Server> {
  const given = process.env.TEST_DATABASE_URL;
  if (given) return { url: given, dataDir: undefined, stop: async () => undefined };
  const folder = await mkdtemp(path.join(tmpdir(), 'vault-relay-test-'));
  // PostgreSQL does not run as root, and its user needs access to this folder.
  await chmod(folder, 0o755);
  const [dataDir, copy] = [path.join(folder, 'data'), path.join(folder, 'copy')];
  const start = () => startEmbedded({ dataDir, log: pino({ level: 'silent' }), postgresFlags: FAST });
  const first = await start();
  await migrate(first.url);
  await first.stop();
  execFileSync('cp', ['-a', dataDir, copy]);
  const embedded = await start();
  return {
    url: embedded.url,
    dataDir: copy,
    stop: async () => {
      await embedded.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const server = await startServer();
  const template = `vault_relay_template_${process.pid}`;
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${template} ${server.dataDir ? 'TEMPLATE vault_relay' : ''}`);
  const url = new URL(server.url);
  url.pathname = template;
  await migrate(url.href);
  project.provide('adminUrl', server.url);
  project.provide('template', template);
  project.provide('dataDir', server.dataDir);
  return async () => {
    await admin.query(`DROP DATABASE IF EXISTS ${template} WITH (FORCE)`);
    await admin.end();
    await server.stop();
  };
}
