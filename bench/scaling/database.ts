import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pino from 'pino';
import { startEmbedded } from '../../src/db/embedded/postgres.ts';
import { migrate } from '../../src/db/migrate.ts';

/** Runs work with a temporary folder that PostgreSQL's user can access. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'vault-relay-scaling-'));
  await chmod(folder, 0o755);
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs work with an embedded database that has full durability. */
export const withBenchDatabase = (work: (url: string) => Promise<void>): Promise<void> =>
  withFolder(async (dataDir) => {
    const embedded = await startEmbedded({ dataDir, log: pino({ level: 'silent' }) });
    try {
      await migrate(embedded.url);
      await work(embedded.url);
    } finally {
      await embedded.stop();
    }
  });
