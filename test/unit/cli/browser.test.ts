import { expect, test } from 'vitest';
import { openerOf } from '../../../src/cli/browser.ts';
import { baseOf, linkOf } from '../../../src/cli/link.ts';
import { readConfig } from '../../../src/config.ts';

test.each([
  ['darwin', {}, ['open']],
  ['win32', {}, ['rundll32', 'url.dll,FileProtocolHandler']],
  ['linux', { DISPLAY: ':0' }, ['xdg-open']],
  ['linux', { WAYLAND_DISPLAY: 'wayland-0' }, ['xdg-open']],
  ['linux', {}, undefined],
] as const)('the browser of %s with %j is opened by %j', (platform, env, command) => {
  expect(openerOf(platform, env)).toEqual(command);
});

test.each([
  [{}, 'http://127.0.0.1:3000/#in=c'],
  [{ HOST: '0.0.0.0', PORT: '80' }, 'http://127.0.0.1:80/#in=c'],
  [{ HOST: '::1' }, 'http://[::1]:3000/#in=c'],
  [{ PUBLIC_BASE_URL: 'https://relay.example' }, 'https://relay.example/#in=c'],
])('a link with the settings %j is %s', (env, link) => {
  expect(linkOf(baseOf(readConfig(env)), 'c')).toBe(link);
});
