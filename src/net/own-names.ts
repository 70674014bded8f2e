import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Config } from '../config.ts';
import { bareName, type HostPlace, readHost } from './host.ts';

/** The ports that a missing one may stand for. */
const DEFAULT_PORTS: ReadonlySet<number> = new Set([80, 443]);

/** Hosts that are remembered as own ones: a stranger may ask for many. Reading a host takes 3.3 µs. */
const MAX_REMEMBERED = 100;

export const isLoopback = (name: string): boolean =>
  isIP(name) === 0
    ? name === 'localhost' || name.endsWith('.localhost')
    : ipaddr.process(name).range() === 'loopback';

const fits = (allowed: HostPlace, { name, port }: HostPlace): boolean =>
  allowed.name === name &&
  (allowed.port === undefined ||
    (port === undefined ? DEFAULT_PORTS.has(allowed.port) : allowed.port === port));

/** The port of an origin. @returns undefined unless it is one of the web */
function portOf({ protocol, port }: URL): number | undefined {
  if (protocol !== 'http:' && protocol !== 'https:') return undefined;
  if (port !== '') return Number(port);
  return protocol === 'http:' ? 80 : 443;
}

/** The names of this server, and whose pages may call it. */
export interface OwnNames {
  /** Whether a request for this host is meant for this server: else a page may have bound its own name to the address. */
  isOwn(host: string): boolean;
  /** Whether a page of this origin may call the server, which was asked for by this host. */
  mayCall(origin: string, host: string): boolean;
}

type NameSettings = Pick<Config, 'host' | 'publicBaseUrl' | 'allowedHosts' | 'corsOrigin'>;

/**
 * Own names are those of loopback, of `HOST`, of `PUBLIC_BASE_URL` and of `ALLOWED_HOSTS`. Where other machines can
 * reach the server every IP address is one too, because only a name can be bound to another address.
 */
export function makeOwnNames(settings: NameSettings): OwnNames {
  const { host, allowedHosts = [], corsOrigin = [] } = settings;
  const publicUrl = settings.publicBaseUrl === undefined ? undefined : new URL(settings.publicBaseUrl);
  const listening = readHost(isIP(host) === 6 ? `[${host}]` : host)?.name ?? host;
  const everyAddress = !isLoopback(listening);
  const named = new Set([listening, publicUrl && bareName(publicUrl.hostname)]);
  const listed = allowedHosts.flatMap((entry) => readHost(entry) ?? []);
  const remembered = new Set<string>();

  const isOwnPlace = (place: HostPlace): boolean =>
    isLoopback(place.name) ||
    named.has(place.name) ||
    (everyAddress && isIP(place.name) !== 0) ||
    allowedHosts.includes('*') ||
    listed.some((allowed) => fits(allowed, place));

  const isOwnOrigin = (url: URL, asked: string): boolean => {
    const port = portOf(url);
    // Another port of the same machine may belong to another user.
    const isSamePort =
      port !== undefined && port === (readHost(asked)?.port ?? portOf(new URL(`${url.protocol}//x`)));
    return isSamePort && isOwnPlace({ name: bareName(url.hostname), port });
  };

  return {
    isOwn(asked) {
      if (remembered.has(asked)) return true;
      const place = readHost(asked);
      if (place === undefined || !isOwnPlace(place)) return false;
      if (remembered.size < MAX_REMEMBERED) remembered.add(asked);
      return true;
    },
    mayCall(origin, asked) {
      if (corsOrigin.includes('*')) return true;
      if (!URL.canParse(origin)) return false;
      const url = new URL(origin);
      return url.origin === publicUrl?.origin || corsOrigin.includes(url.origin) || isOwnOrigin(url, asked);
    },
  };
}
