import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { findClient, makeNetworkCheck, networkOf, readAddress } from '../../src/net/address.ts';

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['::ffff:c000:207', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2:ffff::1', '2001:db8:1:2::/64'],
  ['2001:db8:1:3::1', '2001:db8:1:3::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['no address', 'no address'],
])('%s is counted as %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});

const WITHOUT_PORT: [entry: string, address: string][] = [
  ['192.0.2.7', '192.0.2.7'],
  [' 192.0.2.7 ', '192.0.2.7'],
  ['192.0.2.7:5678', '192.0.2.7'],
  ['[192.0.2.7]:5678', '192.0.2.7'],
  ['2001:DB8::7', '2001:db8::7'],
  ['2001:db8:0:0:0:0:0:7', '2001:db8::7'],
  ['[2001:db8::7]', '2001:db8::7'],
  ['[2001:db8::7]:443', '2001:db8::7'],
  ['[::1]:443', '::1'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['[::ffff:c000:207]:443', '192.0.2.7'],
  ['fe80::1%eth0', 'fe80::1'],
];
const NO_ADDRESS = [
  '',
  ' ',
  'evil',
  'unknown',
  '_hidden',
  '_SEVKISEK',
  'client.example:80',
  '192.0.2',
  '192.0.2.256',
  '1',
  '0x7f.1',
  '192.0.2.07',
  '192.0.2.7:port',
  '192.0.2.7:',
  '192.0.2.7:123456',
  '192.0.2.7/24',
  '"192.0.2.7"',
  '[192.0.2.7',
  '2001:db8::7]:443',
  '[2001:db8::7]x',
  '[]:443',
  'for=192.0.2.7',
  '192.0.2.7 evil',
  '__proto__',
];

describe('an entry of X-Forwarded-For', () => {
  test.each(WITHOUT_PORT)('is the address alone: %j is %s', (entry, address) => {
    expect(readAddress(entry)).toBe(address);
  });
  test.each(NO_ADDRESS)('is not an address: %j', (entry) => {
    expect(readAddress(entry)).toBeUndefined();
  });
});

const isProxy = makeNetworkCheck(['10.0.0.0/8', 'fd00::/8']);
const find = (peer: string | undefined, forwardedFor?: string) => findClient({ peer, forwardedFor }, isProxy);

describe('the address of a client', () => {
  test.each<[what: string, peer: string | undefined, forwardedFor: string | undefined, address: string]>([
    ['of a direct connection', '192.0.2.7', undefined, '192.0.2.7'],
    ['of a direct connection that makes one up', '192.0.2.7', '198.51.100.1', '192.0.2.7'],
    ['of a connection to both families', '::ffff:192.0.2.7', undefined, '192.0.2.7'],
    ['of a connection that is gone', undefined, '198.51.100.1', 'unknown'],
    ['behind a proxy', '10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['behind a proxy on both families', '::ffff:10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['behind a proxy that names the port', '10.0.0.1', '198.51.100.1:40000', '198.51.100.1'],
    ['behind a proxy on IPv6', 'fd00::1', '[2001:db8::7]:443', '2001:db8::7'],
    ['behind two proxies', '10.0.0.1', '198.51.100.1, 10.0.0.2', '198.51.100.1'],
    ['behind two proxies that name ports', '10.0.0.1', '198.51.100.1:1, 10.0.0.2:2', '198.51.100.1'],
    ['behind a proxy, with what the client made up', '10.0.0.1', '10.0.0.9, 198.51.100.1', '198.51.100.1'],
    ['behind a proxy that says nothing', '10.0.0.1', undefined, '10.0.0.1'],
    ['behind a proxy that is one itself', '10.0.0.1', '10.0.0.2', '10.0.0.2'],
  ])('%s', (_, peer, forwardedFor, address) => {
    expect(find(peer, forwardedFor)).toBe(address);
  });

  test.each(NO_ADDRESS)('is that of the proxy which names no address: %j', (entry) => {
    expect(find('10.0.0.1', entry)).toBe('10.0.0.1');
    expect(find('10.0.0.1', `198.51.100.1, ${entry}`)).toBe('10.0.0.1');
    expect(find('10.0.0.1', `${entry}, 10.0.0.2:2`)).toBe('10.0.0.2');
  });

  test('is found within a bounded number of proxies', () => {
    const everything = makeNetworkCheck(['0.0.0.0/0', '::/0']);
    const chain = Array.from({ length: 1000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`).join(', ');
    expect(findClient({ peer: '10.0.0.1', forwardedFor: chain }, everything)).toBe('10.1.3.200');
  });
});

test('every network of TRUST_PROXY is recognized, in either spelling of an IPv4 address', () => {
  for (const [networks, address, inside] of [
    [['192.0.2.7'], '192.0.2.7', true],
    [['192.0.2.7'], '::ffff:192.0.2.7', true],
    [['192.0.2.7'], '192.0.2.8', false],
    [['0.0.0.0/0'], '192.0.2.7', true],
    [['::/0'], '2001:db8::7', true],
    [['fd00::/8'], '2001:db8::7', false],
    [[], '127.0.0.1', false],
  ] as const) {
    expect(makeNetworkCheck(networks)(address)).toBe(inside);
  }
});

test('no other file parses addresses', async () => {
  const root = path.resolve(import.meta.dirname, '../../src');
  const files = await readdir(root, { recursive: true });
  const found: string[] = [];
  for (const file of files.filter((name) => name.endsWith('.ts'))) {
    const text = await readFile(path.join(root, file), 'utf8');
    if (/request\.ips?\b|\b(remoteAddress|x-forwarded-for)\b/.test(text)) found.push(file);
  }
  expect(found.toSorted()).toEqual(['http/edge/client-address.ts', 'http/edge/connection-limit.ts']);
});
