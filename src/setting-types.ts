import { isIP } from 'node:net';
import { z } from 'zod';
import { readHost } from './net/host.ts';

/** A whole number of an environment variable, from `min` to `max`. */
export const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`));

/** The same for a limit that 0 turns off. A limit below `least` would refuse requests that every client needs. */
export const limit = (least: number, max: number) =>
  integer(0, max).refine((value) => value === 0 || value >= least, `must be 0, or at least ${least}`);

/** A secret that proves an operator. */
export const operatorToken = z
  .string()
  .regex(
    /^[\x21-\x7e]{32,512}$/,
    'must be 32 to 512 visible ASCII characters, such as openssl rand -hex 32 prints',
  );

/** An `http://` or `https://` address. */
export const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// address' });

function isNetwork(network: string): boolean {
  const [address = '', bits, rest] = network.split('/');
  const family = isIP(address);
  if (family === 0 || rest !== undefined) return false;
  return bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** Whether a text is the address of a Redis. Its path may name a database by its number. */
export function isRedisUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, pathname } = new URL(text);
  return /^rediss?:$/.test(protocol) && hostname !== '' && /^(\/\d*)?$/.test(pathname);
}

/** Whether a text is an origin such as `https://example.org`. */
export const isOrigin = (text: string) => URL.canParse(text) && new URL(text).origin === text;

/** Host names with optional ports, separated by commas, or `*`. */
export const hosts = z
  .string()
  .transform((list) => list.split(',').map((host) => host.trim()))
  .refine(
    (list) => list.every((host) => host === '*' || (!host.includes('*') && readHost(host) !== undefined)),
    'must be * or a comma-separated list of host names, each with an optional port, such as relay.example.org',
  );

/** A network of all addresses would trust every client as a proxy. */
const isEverybody = (network: string) => /\/0+$/.test(network);

/** Addresses or CIDR networks, separated by commas. */
export const networks = z
  .string()
  .transform((list) => list.split(',').map((network) => network.trim()))
  .refine((list) => list.every(isNetwork), {
    error: 'must be a comma-separated list of addresses or CIDR networks',
    abort: true,
  })
  .refine(
    (list) => !list.some(isEverybody),
    'must not hold a network of every address (/0), because any client could then claim any address; list your proxies',
  );

/** A PostgreSQL URL. The host may be omitted if `?host=` names it, as for a Unix socket. */
export const postgresUrl = z
  .string()
  .refine(
    (text) =>
      /^postgres(ql)?:\/\//.test(text) && URL.canParse(text.replace(/^(\w+:\/\/[^/]*@)(?=\/)/, '$1host')),
    'must be a postgres:// or postgresql:// address, with special characters of its password percent-encoded',
  );
