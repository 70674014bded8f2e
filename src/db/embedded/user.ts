import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { EmbeddedError } from './error.ts';

const run = promisify(execFile);

/** The user a child process changes to; undefined: it stays who we are. */
export type RunAs = { uid: number; gid: number } | undefined;

const OWN_USER = 'vault-relay';

/** The two usual commands, in the form of the shadow suite and of BusyBox. */
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
    // A start at the same moment may have been faster, so only the look-up decides.
    await run(command, args).catch(() => undefined);
    const user = await lookUp(OWN_USER);
    if (user) return user;
  }
  return undefined;
}

/**
 * Whom a new database belongs to: ourselves, or, as PostgreSQL refuses root, an unprivileged user. initdb looks its
 * user up by name, so a number without an entry among the users will not do.
 * @throws EmbeddedError when we are root and there is no such user and none can be made
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
