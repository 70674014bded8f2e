import { describe, expect, test } from 'vitest';
import { readHost } from '../../src/net/host.ts';
import { makeOwnNames } from '../../src/net/own-names.ts';

type Settings = Parameters<typeof makeOwnNames>[0];
const names = (settings: Partial<Settings> = {}) =>
  makeOwnNames({
    host: '127.0.0.1',
    publicBaseUrl: undefined,
    allowedHosts: undefined,
    corsOrigin: undefined,
    ...settings,
  });

const LOOPBACK = [
  'localhost',
  'localhost:3000',
  'LOCALHOST',
  'localhost.',
  'app.localhost:3000',
  '127.0.0.1',
  '127.0.0.1:3000',
  '127.8.9.1',
  '127.1',
  '0x7f.1',
  '2130706433',
  '[::1]',
  '[::1]:3000',
  '[0:0:0:0:0:0:0:1]',
  '[::ffff:127.0.0.1]:80',
];
const ADDRESSES = ['192.0.2.7', '192.0.2.7:3000', '[2001:db8::7]', '0.0.0.0:3000', '10.1'];
const FOREIGN = [
  'rebound.example',
  'rebound.example:3000',
  'localhost.rebound.example',
  'localhost-rebound.example',
  '127.0.0.1.rebound.example',
  'notlocalhost',
  'relay',
  'xn--nxasmq6b.example',
];
const NO_HOSTS = [
  '',
  ' ',
  'a b',
  'user@localhost',
  'localhost/',
  'localhost?x',
  'localhost#x',
  'localhost\\x',
  'localhost:99999',
  'localhost:x',
  '[::1',
  '::1',
  '[fe80::1%25eth0]',
  'localhost, localhost',
  'a..b:%',
];

describe('a Host header on a server that listens on loopback', () => {
  test.each(LOOPBACK)('is an own name: %s', (host) => expect(names().isOwn(host)).toBe(true));
  test.each([...ADDRESSES, ...FOREIGN, ...NO_HOSTS])('is foreign: %j', (host) =>
    expect(names().isOwn(host)).toBe(false),
  );
  test.each(['127.0.0.5', 'localhost', '::1'])('for any spelling of HOST: %s', (host) => {
    expect(names({ host }).isOwn('localhost:3000')).toBe(true);
    expect(names({ host }).isOwn('192.0.2.7')).toBe(false);
  });
});

describe.each(['0.0.0.0', '::', '192.0.2.9', '2001:db8::1', 'relay.lan'])(
  'a Host header on a server that listens on %s',
  (host) => {
    test.each([...LOOPBACK, ...ADDRESSES])('is an own name: %s', (asked) =>
      expect(names({ host }).isOwn(asked)).toBe(true),
    );
    test.each([...FOREIGN, ...NO_HOSTS])('is foreign: %j', (asked) =>
      expect(names({ host }).isOwn(asked)).toBe(false),
    );
  },
);

describe('a name is an own name', () => {
  test.each(['relay.lan', 'RELAY.lan.', 'relay.lan:8080'])('as HOST: %s', (host) =>
    expect(names({ host: 'Relay.lan' }).isOwn(host)).toBe(true),
  );
  test.each(['relay.example.org', 'RELAY.Example.ORG', 'relay.example.org.', 'relay.example.org:443'])(
    'as PUBLIC_BASE_URL: %s',
    (host) => expect(names({ publicBaseUrl: 'https://Relay.example.org' }).isOwn(host)).toBe(true),
  );
  test.each([
    ['relay.example.org', 'relay.example.org', true],
    ['relay.example.org', 'relay.example.org:3000', true],
    ['RELAY.example.org.', 'relay.EXAMPLE.org', true],
    ['bücher.example', 'xn--bcher-kva.example', true],
    ['xn--bcher-kva.example', 'BÜCHER.example', true],
    ['relay.example.org:8443', 'relay.example.org:8443', true],
    ['relay.example.org:8443', 'relay.example.org', false],
    ['relay.example.org:8443', 'relay.example.org:3000', false],
    ['relay.example.org:443', 'relay.example.org', true],
    ['relay.example.org:80', 'relay.example.org', true],
    ['relay.example.org:443', 'relay.example.org:80', false],
    ['[2001:db8::7]', '[2001:DB8:0::7]:3000', true],
    ['relay.example.org', 'other.relay.example.org', false],
    ['*', 'rebound.example', true],
    ['*', 'a b', false],
  ])('as ALLOWED_HOSTS=%s: %s is %s', (allowed, host, own) => {
    expect(names({ allowedHosts: [allowed] }).isOwn(host)).toBe(own);
  });
});

test('a flood of names is not stored', () => {
  const any = names({ allowedHosts: ['*'] });
  for (let i = 0; i < 10_000; i++) expect(any.isOwn(`host-${i}.example`)).toBe(true);
  expect(any.isOwn('host-1.example')).toBe(true);
});

describe('a page may call', () => {
  test.each<[origin: string, host: string, Partial<Settings>]>([
    ['http://127.0.0.1:3000', '127.0.0.1:3000', {}],
    ['http://localhost:3000', '127.0.0.1:3000', {}],
    ['http://LOCALHOST:3000', 'localhost:3000', {}],
    ['http://[::1]:3000', 'localhost:3000', {}],
    ['http://localhost', 'localhost:80', {}],
    ['https://localhost', 'localhost:443', {}],
    ['http://192.0.2.7:3000', '192.0.2.7:3000', { host: '0.0.0.0' }],
    ['https://relay.example.org', 'relay.example.org', { publicBaseUrl: 'https://relay.example.org' }],
    ['https://relay.example.org', 'RELAY.example.org:443', { publicBaseUrl: 'https://relay.example.org' }],
    ['https://relay.example.org', '127.0.0.1:3000', { publicBaseUrl: 'https://RELAY.example.org:443/' }],
    ['https://relay.example.org', 'relay.example.org:443', { allowedHosts: ['relay.example.org'] }],
    ['http://relay.example.org:8080', 'relay.example.org:8080', { allowedHosts: ['*'] }],
    ['https://pages.example', '127.0.0.1:3000', { corsOrigin: ['https://pages.example'] }],
    ['https://PAGES.example:443', '127.0.0.1:3000', { corsOrigin: ['https://pages.example'] }],
    ['null', '127.0.0.1:3000', { corsOrigin: ['*'] }],
  ])('from its own origin, or an allowed one: %s at %s', (origin, host, settings) => {
    expect(names(settings).mayCall(origin, host)).toBe(true);
  });

  test.each<[origin: string, host: string, Partial<Settings>]>([
    ['https://rebound.example', 'rebound.example', {}],
    ['http://rebound.example:3000', '127.0.0.1:3000', {}],
    ['http://localhost:8080', 'localhost:3000', {}],
    ['https://localhost', 'localhost:3000', {}],
    ['http://localhost', 'localhost:443', {}],
    ['http://192.0.2.7:3000', '192.0.2.7:3000', {}],
    ['https://relay.example.org:8443', 'relay.example.org', { publicBaseUrl: 'https://relay.example.org' }],
    ['http://relay.example.org', '127.0.0.1:3000', { publicBaseUrl: 'https://relay.example.org' }],
    ['https://pages.example:8443', '127.0.0.1:3000', { corsOrigin: ['https://pages.example'] }],
    ['file://', 'localhost', {}],
    ['ws://localhost:3000', 'localhost:3000', {}],
    ['null', 'localhost', {}],
    ['', 'localhost', {}],
    ['localhost', 'localhost', {}],
    ['http://localhost:3000, http://localhost:3000', 'localhost:3000', {}],
  ])('from no other: %s at %s', (origin, host, settings) => {
    expect(names(settings).mayCall(origin, host)).toBe(false);
  });
});

describe("a page is the server's own", () => {
  const isOwnPage = (origin: string, host: string, settings: Partial<Settings>, isHttps = false) =>
    names(settings).isOwnPage(origin, host, isHttps);

  test.each<[origin: string, host: string, Partial<Settings>, isHttps?: boolean]>([
    ['http://127.0.0.1:3000', '127.0.0.1:3000', {}],
    ['http://localhost:3000', 'LOCALHOST:3000', {}],
    ['http://127.0.0.1:3000', '127.0.0.1:3000', { publicBaseUrl: 'https://relay.example.org' }, true],
    ['https://relay.example.org', '127.0.0.1:3000', { publicBaseUrl: 'https://relay.example.org' }, true],
    ['https://relay.example.org', 'relay.example.org', { allowedHosts: ['relay.example.org'] }, true],
    ['http://192.0.2.7:3000', '192.0.2.7:3000', { host: '0.0.0.0' }],
  ])('of its own host: %s at %s', (origin, host, settings, isHttps) => {
    expect(isOwnPage(origin, host, settings, isHttps)).toBe(true);
  });

  test.each<[origin: string, host: string, Partial<Settings>, isHttps?: boolean]>([
    ['http://localhost:3000', '127.0.0.1:3000', {}],
    ['http://127.0.0.1:3001', '127.0.0.1:3000', {}],
    ['https://pages.example', '127.0.0.1:3000', { corsOrigin: ['https://pages.example'] }],
    ['https://pages.example', '127.0.0.1:3000', { corsOrigin: ['*'] }],
    ['https://evil.example', 'relay.example.org', { allowedHosts: ['*'] }],
    ['http://relay.example.org', 'relay.example.org', { allowedHosts: ['relay.example.org'] }, true],
    ['https://a.example', 'b.example', { allowedHosts: ['a.example', 'b.example'] }],
    ['null', '127.0.0.1:3000', { corsOrigin: ['*'] }],
    ['', 'localhost', {}],
  ])('of no other: %s at %s', (origin, host, settings, isHttps) => {
    expect(isOwnPage(origin, host, settings, isHttps)).toBe(false);
  });
});

test('a host is read as URLs are', () => {
  expect(readHost('RELAY.Example.:8080')).toEqual({ name: 'relay.example', port: 8080 });
  expect(readHost('[2001:DB8::0007]')).toEqual({ name: '2001:db8::7', port: undefined });
  expect(readHost('localhost:')).toEqual({ name: 'localhost', port: undefined });
});
