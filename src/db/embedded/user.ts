import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { EmbeddedError } from './error.ts';

const run = promisify(execFile);

/** The user that a child process switches to; undefined: it keeps ours. */
export type RunAs = { uid: number; gid: number } | undefined;

const OWN_USER = 'vault-relay';

/** The usual commands to create a user: of the shadow suite, and of BusyBox. */
const CREATE: [string, ...string[]][] = [
  ['useradd', '--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', OWN_USER],
  ['adduser', '-S', '-D', '-H', OWN_USER],
];

export const isRoot = (): boolean => process.getuid?.() === 0;

async function lookUp(name: string): Promise<RunAs> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined; // no such user
  }
}

async function create(): Promise<RunAs> {
  for (const [command, ...args] of CREATE) {
    // A concurrent start may have created the user first, so only the look-up decides.
    await run(command, args).catch(() => undefined);
    const user = await lookUp(OWN_USER);
    if (user) return user;
  }
  return undefined;
}

/**
 * Chooses the owner of a new database: our own user, or an unprivileged one, because PostgreSQL refuses root. The user
 * needs an entry in the user database, because initdb looks it up by name.
 * @throws EmbeddedError when we are root, no such user exists and none can be created
 */
export async function newOwner(): Promise<RunAs> {
  if (!isRoot()) return undefined;
  const user =
    (await lookUp('postgres')) ?? (await lookUp(OWN_USER)) ?? (await create()) ?? (await lookUp('nobody'));
  if (user && user.uid !== 0) return user;
  throw new EmbeddedError(
    'PostgreSQL refuses to run as root and no other user could be created: create a user named postgres, or set DATABASE_URL to a PostgreSQL server (15 or newer).',
  );
}
