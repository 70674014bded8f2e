import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { withFolder } from '../support/process.ts';
import { useServer } from '../support/server.ts';

const root = path.resolve(import.meta.dirname, '../..');
const exec = promisify(execFile);
const database = useDatabase();
const server = useServer(database);
let key: string;
beforeAll(async () => {
  key = (await server.makeKey('st', { clientId: 'ann', scopes: ['read', 'write', 'create'] })).key;
});

/** What the commands of a client load. None of them knows a database, a web server or the schemas of the calls. */
const OF_A_CLIENT = [
  'commander',
  '@trpc/client',
  '@trpc/server',
  'eventsource',
  'eventsource-parser',
  'get-east-asian-width',
];

interface Packed {
  filename: string;
  files: { path: string }[];
}

/**
 * Packs the built program, and unpacks it where `npm install` of the tarball would put it. The dependencies are links,
 * because a test may not need a registry.
 */
async function install(folder: string, dependencies: string[]): Promise<Packed['files']> {
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const [packed] = JSON.parse(
    (await exec('npm', pack, { cwd: root, maxBuffer: 10_000_000 })).stdout,
  ) as Packed[];
  const home = path.join(folder, 'node_modules/vault-relay');
  await mkdir(home, { recursive: true });
  await exec('tar', ['-xzf', path.join(folder, packed?.filename ?? ''), '-C', home, '--strip-components=1']);
  for (const name of dependencies) {
    const link = path.join(folder, 'node_modules', name);
    await mkdir(path.dirname(link), { recursive: true });
    await symlink(path.join(root, 'node_modules', name), link);
  }
  return packed?.files ?? [];
}

test('the packed program works as a client in an empty folder, with the packages of a client alone', () =>
  withFolder(async (folder) => {
    const files = await install(folder, OF_A_CLIENT);
    const manifest = path.join(folder, 'node_modules/vault-relay/package.json');
    const { bin, dependencies } = JSON.parse(await readFile(manifest, 'utf8'));
    expect(files.map((file) => file.path)).toContain(bin['vault-relay']);
    const packages = Object.keys(dependencies);
    expect(packages).toEqual(
      expect.arrayContaining(OF_A_CLIENT.filter((name) => name !== 'eventsource-parser')),
    );

    const program = path.join(folder, 'node_modules/vault-relay', bin['vault-relay']);
    const env = { PATH: process.env.PATH, HOME: folder };
    // Links resolve to their targets, beside which the packages of the server are.
    const flags = ['--preserve-symlinks', '--preserve-symlinks-main'];
    const vr = async (...args: string[]) =>
      (await exec(process.execPath, [...flags, program, ...args], { cwd: folder, env })).stdout.trim();
    expect(await vr('login', server.url, '--key', key)).toBe(
      `You are ann in the work session st of ${server.url}.`,
    );
    const vault = await vr('vault', 'new', 'packed');
    await vr('vault', 'write', vault, 'from a tarball');
    expect(await vr('vault', 'read', vault, '--format', 'plain')).toBe('from a tarball');
    expect(await vr('vault', 'list')).toContain(`${vault}  packed`);
    // A command of the server needs the others: the check would otherwise show nothing.
    await expect(vr('session', 'list')).rejects.toThrow("Cannot find package 'pg'");
  }));
