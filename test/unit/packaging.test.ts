import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

interface LockFile {
  packages: Record<
    string,
    {
      version?: string;
      resolved?: string;
      dev?: boolean;
      devOptional?: boolean;
      engines?: { node?: string };
    }
  >;
}

const lock = JSON.parse(read('package-lock.json')) as LockFile;
const versionOf = (name: string) => lock.packages[`node_modules/${name}`]?.version ?? 'missing';

function isAtLeast(version: string, floor: string): boolean {
  const [a, b] = [version, floor].map((text) => text.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** Whether a version fits a range such as `^18.19.0 || >=20.6`. */
const fits = (version: string, range: string): boolean =>
  range.split('||').some((alternative) =>
    alternative
      .replace(/>=\s+/g, '>=')
      .trim()
      .split(/\s+/)
      .every((part) => {
        const [, sign = '', floor = ''] = /^(>=|\^|)([\d.x]+|\*)$/.exec(part) ?? [];
        if (floor === '') throw new Error(`This test cannot read the range ${range}.`);
        if (floor === '*') return true;
        return (
          isAtLeast(version, floor.replaceAll('x', '0')) &&
          (sign === '>=' || version.split('.')[0] === floor.split('.')[0])
        );
      }),
  );

test.each([
  ['20.19.0', '>=18', true],
  ['20.19.0', '>= 20.19', true],
  ['20.19.0', '>=20.20', false],
  ['20.19.0', '>=22', false],
  ['20.19.0', '^18.19.0 || >=20.6.0', true],
  ['20.19.0', '18 || 20 || >=22', true],
  ['20.19.0', '^22.12 || >=24.0', false],
  ['20.19.0', '>=16 || 14 >=14.17', true],
  ['20.19.0', '*', true],
])('%s in %s: %s', (version, range, expected) => {
  expect(fits(version, range)).toBe(expected);
});

describe('the lock file', () => {
  test('C15: has no production package that refuses the oldest Node of `engines`', () => {
    const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
    const oldest = `${engines.node.replace('>=', '')}.0`;
    expect(oldest).toBe('20.19.0');
    const refusing = Object.entries(lock.packages)
      .filter(([, { dev, devOptional }]) => !dev && !devOptional)
      .filter(([, { engines }]) => !fits(oldest, engines?.node ?? '*'))
      .map(([name, { version, engines }]) => `${name} ${version} wants ${engines?.node}`);
    expect(refusing).toEqual([]);
  });

  // Below these, each has a known hole that this server would expose.
  test.each([
    ['fastify', '5.12.6'],
    ['@trpc/server', '11.8.0'],
    ['ws', '8.21.0'],
  ])('%s is at least %s', (name, floor) => {
    expect(versionOf(name)).toMatch(/^\d+\.\d+\.\d+$/);
    expect(isAtLeast(versionOf(name), floor)).toBe(true);
  });

  test('has one version of the three parts of Prisma', () => {
    const versions = ['prisma', '@prisma/client', '@prisma/adapter-pg'].map(versionOf);
    expect(new Set(versions).size).toBe(1);
    expect(versions[0]).toMatch(/^7\./);
  });

  test('names no address of a registry', () => {
    expect(Object.entries(lock.packages).filter(([, entry]) => entry.resolved)).toEqual([]);
  });
});

describe('the container image', () => {
  const copies = read('Dockerfile')
    .split('\n')
    .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
    .map((line) => line.split(/\s+/).slice(1, -1));

  test('copies only existing files', () => {
    expect(copies.flat().filter((source) => !existsSync(path.join(root, source)))).toEqual([]);
  });

  test('has the files of the build and of the server', () => {
    const { build, 'build:dashboard': dashboard } = JSON.parse(read('package.json')).scripts;
    const needed = [...`${build} ${dashboard}`.matchAll(/(?:-p|--config) (\S+)/g)].map((match) => match[1]);
    expect(needed).toHaveLength(3);
    expect(copies.flat()).toEqual(
      expect.arrayContaining([...needed, 'src', 'prisma', 'public', 'prisma/migrations']),
    );
  });

  test('ends as a user that is not root', () => {
    const [, last = ''] = read('Dockerfile').split(/^FROM .*slim$/m);
    expect(last).toMatch(/^USER node$/m);
  });
});
