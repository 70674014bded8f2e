import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Config } from '../config.ts';
import { bareName, type HostPlace, readHost } from './host.ts';

/** The ports that match a missing port. */
const DEFAULT_PORTS: ReadonlySet<number> = new Set([80, 443]);

/** Maximum cached host names, because clients can send any number of names. A cached one saves 3.3 µs. */
const MAX_REMEMBERED = 100;

export const isLoopback = (name: string): boolean =>
  isIP(name) === 0
    ? name === 'localhost' || name.endsWith('.localhost')
    : ipaddr.process(name).range() === 'loopback';

const fits = (allowed: HostPlace, { name, port }: HostPlace): boolean =>
  allowed.name === name &&
  (allowed.port === undefined ||
    (port === undefined ? DEFAULT_PORTS.has(allowed.port) : allowed.port === port));

/** The port of an origin. @returns undefined unless its scheme is http or https */
function portOf({ protocol, port }: URL): number | undefined {
  if (protocol !== 'http:' && protocol !== 'https:') return undefined;
  if (port !== '') return Number(port);
  return protocol === 'http:' ? 80 : 443;
}

/** The names of this server, and the origins that may call it. */
export interface OwnNames {
  /** Whether this `Host` names this server. Protects against DNS rebinding. */
  isOwn(host: string): boolean;
  /**
   * Whether an origin is that of the server's own pages under this `Host`. Pages of other origins, which may only call, are
   * not own pages. Where the server is reached by HTTPS, its pages are too, except on loopback.
   */
  isOwnPage(origin: string, host: string, isHttps: boolean): boolean;
  /** Whether a page of this origin may call the server under this `Host`. */
  mayCall(origin: string, host: string): boolean;
}

type NameSettings = Pick<Config, 'host' | 'publicBaseUrl' | 'allowedHosts' | 'corsOrigin'>;

/**
 * The server's names are loopback names and those of `HOST`, `PUBLIC_BASE_URL` and `ALLOWED_HOSTS`. If other machines can
 * reach the server, every IP address is one too, because DNS rebinding needs a name.
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
    isOwnPage(origin, asked, isHttps) {
      if (!URL.canParse(origin)) return false;
      const url = new URL(origin);
      if (url.origin === publicUrl?.origin) return true;
      const name = bareName(url.hostname);
      const isSafe = !isHttps || url.protocol === 'https:' || isLoopback(name);
      return isSafe && name === readHost(asked)?.name && isOwnOrigin(url, asked);
    },
    mayCall(origin, asked) {
      if (corsOrigin.includes('*')) return true;
      if (!URL.canParse(origin)) return false;
      const url = new URL(origin);
      return url.origin === publicUrl?.origin || corsOrigin.includes(url.origin) || isOwnOrigin(url, asked);
    },
  };
}
