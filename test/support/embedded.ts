import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import pino from 'pino';
import {
  type EmbeddedDatabase,
  type EmbeddedOptions,
  startEmbedded,
} from '../../src/db/embedded/postgres.ts';
import { processIdentity } from '../../src/db/embedded/process.ts';

const OWNER_SCRIPT = fileURLToPath(new URL('./embedded-owner.ts', import.meta.url));
const FAST = ['-c', 'fsync=off'];

/** The line that the other process printed about its start. */
export interface Said {
  url?: string;
  clusterDir?: string;
  error?: string;
}

export interface Owner {
  pid: number;
  said: Promise<Said>;
  ended: Promise<unknown>;
  tell(word: 'stop' | 'exit'): void;
  kill(): Promise<void>;
}

/** Waits for a condition, at most ten seconds. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`Not within ten seconds: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A zombie does not count as alive. */
export const isAlive = (pid: number): boolean => processIdentity(pid) !== undefined;

export const postmasterOf = async (clusterDir: string): Promise<number> =>
  Number.parseInt(await readFile(path.join(clusterDir, 'postmaster.pid'), 'utf8'), 10);

/** Runs one statement on its own connection. @returns the first row */
export async function ask(url: string, sql: string): Promise<Record<string, unknown>> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query(sql);
    return rows[0];
  } finally {
    await client.end();
  }
}

/** Makes folders, databases and processes for a test, and removes all of them afterwards. */
export function makeWorkshop() {
  const folders: string[] = [];
  const databases: EmbeddedDatabase[] = [];
  const children: ChildProcess[] = [];
  const homes = new Set<string>();

  const remember = (clusterDir: string | undefined) => clusterDir && homes.add(path.dirname(clusterDir));

  return {
    /** Makes a folder that every user can access. */
    async folder(): Promise<string> {
      const folder = await mkdtemp(path.join(os.tmpdir(), 'vault-relay-embedded-'));
      folders.push(folder);
      await chmod(folder, 0o755);
      return folder;
    },

    async start(dataDir: string, more: Partial<EmbeddedOptions> = {}): Promise<EmbeddedDatabase> {
      const log = pino({ level: 'silent' });
      const database = await startEmbedded({ dataDir, log, postgresFlags: FAST, ...more });
      databases.push(database);
      remember(database.clusterDir);
      return database;
    },

    /** Starts the database in its own process. */
    owner(dataDir: string, more: Partial<EmbeddedOptions> = {}): Owner {
      const options = JSON.stringify({ dataDir, postgresFlags: FAST, ...more });
      const child = spawn(process.execPath, ['--import', 'tsx', OWNER_SCRIPT, options], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      children.push(child);
      const ended = once(child, 'exit');
      const said = (async (): Promise<Said> => {
        for await (const line of createInterface(child.stdout)) {
          const words: Said = JSON.parse(line);
          remember(words.clusterDir);
          return words;
        }
        return {};
      })();
      return {
        pid: child.pid ?? 0,
        said,
        ended,
        tell: (word) => child.stdin.write(`${word}\n`),
        async kill() {
          child.kill('SIGKILL');
          await ended;
        },
      };
    },

    /** Starts an unrelated process. */
    stranger(uid: number, gid: number): number {
      const ids = process.getuid?.() === 0 ? { uid, gid } : {};
      const child = spawn('sleep', ['600'], { ...ids, stdio: 'ignore' });
      children.push(child);
      return child.pid ?? 0;
    },

    async cleanUp(): Promise<void> {
      await Promise.all(databases.map((database) => database.stop()));
      for (const child of children) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      for (const home of homes) {
        const left = await postmasterOf(path.join(home, 'cluster')).catch(() => undefined);
        if (left && isAlive(left)) {
          process.kill(left, 'SIGQUIT');
          await eventually('what the test left running has ended', () => !isAlive(left));
        }
      }
      for (const folder of [...homes, ...folders]) {
        await rm(folder, { recursive: true, force: true, maxRetries: 10 });
      }
    },
  };
}
