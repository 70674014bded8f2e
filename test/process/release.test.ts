import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readLastReleased } from '../../src/cli/openapi/files.ts';
import { withFolder } from '../support/process.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** What a release reads and writes, and the code that makes the document. */
const TREE = [
  'package.json',
  'package-lock.json',
  '.npmrc',
  '.gitignore',
  'CHANGELOG.md',
  'openapi',
  'src',
  'scripts',
];

/** Settings of the machine must not reach the commit. */
const GIT = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_AUTHOR_NAME: 'Test',
  GIT_AUTHOR_EMAIL: 'test@example.org',
  GIT_COMMITTER_NAME: 'Test',
  GIT_COMMITTER_EMAIL: 'test@example.org',
};

test('npm run release --commit makes one tagged commit of version, changelog, document and copy', () =>
  withFolder(async (copy) => {
    for (const name of TREE) cpSync(path.join(root, name), path.join(copy, name), { recursive: true });
    symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
    const read = (file: string) => readFileSync(path.join(copy, file), 'utf8');
    const env = { ...process.env, ...GIT };
    const git = (...args: string[]) => execFileSync('git', args, { cwd: copy, env, encoding: 'utf8' });
    const release = (...args: string[]) =>
      spawnSync('npm', ['run', '--silent', 'release', '--', ...args], { cwd: copy, env, encoding: 'utf8' });
    // The changelog may have nothing unreleased, because a release has just been made.
    const changelog = read('CHANGELOG.md').replace(
      '## Unreleased\n',
      '## Unreleased\n\n### Added\n\n- A change.\n',
    );
    writeFileSync(path.join(copy, 'CHANGELOG.md'), changelog);
    git('init', '--quiet');
    git('add', '.');
    git('commit', '--quiet', '-m', 'Before');

    const changes = read('CHANGELOG.md').split('## Unreleased\n')[1] ?? '';
    expect(release('99.0.0', '--commit')).toMatchObject({ status: 0, stderr: '' });
    expect(git('status', '--porcelain')).toBe('');
    expect(git('log', '--format=%s%d', '-1').trim()).toMatch(/^Release 99\.0\.0 \(.*tag: v99\.0\.0.*\)$/);
    expect(git('show', '--name-only', '--format=').trim().split('\n')).toEqual([
      'CHANGELOG.md',
      'openapi/released/99.0.0.json',
      'openapi/vault-relay.openapi.json',
      'package-lock.json',
      'package.json',
    ]);
    // One line each: nothing else of the lock file has changed.
    expect(git('show', '--numstat', '--format=', '--', 'package-lock.json')).toMatch(/^2\t2\t/);
    expect(JSON.parse(read('package.json')).version).toBe('99.0.0');
    expect(read('CHANGELOG.md')).toMatch(/\n## Unreleased\n\n## 99\.0\.0 - \d{4}-\d\d-\d\d\n/);
    expect(read('CHANGELOG.md').endsWith(changes)).toBe(true);
    // The check of compatibility reads the copy from now on.
    const last = await readLastReleased(path.join(copy, 'openapi/released'));
    expect(last.version).toBe('99.0.0');
    expect(last.document).toEqual(JSON.parse(read('openapi/vault-relay.openapi.json')));
    expect(last.document).toMatchObject({ info: { version: '99.0.0' } });
    expect(JSON.parse(read('dist/sbom.cdx.json')).metadata.component.version).toBe('99.0.0');
  }));
