import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Groups of an IPv6 address that name a network. One subscriber has all 2^64 addresses of it. */
const NETWORK_GROUPS = 4;

/** What an address is counted by: an IPv4 address as it is, an IPv6 address by its /64 network. */
export function networkOf(address: string): string {
  if (isIPv4(address) || !ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString();
  const groups = parsed.parts.slice(0, NETWORK_GROUPS).map((group) => group.toString(16));
  return `${groups.join(':')}::/64`;
}

/** An address, alone or with a port. */
const WITH_PORT = /^(?:([\d.]+)|\[([^\]]*)\])(?::\d{1,5})?$/;

/**
 * Reads an entry of `X-Forwarded-For`. A port is left out: each connection of a client has another one.
 * @returns the IP address in its one canonical form, or undefined for anything else (`unknown`, `_hidden`, a name)
 */
export function readAddress(entry: string): string | undefined {
  const text = entry.trim();
  // Node accepts a single spelling of each IPv4 address.
  if (isIPv4(text)) return text;
  const [, v4, v6] = WITH_PORT.exec(text) ?? [];
  const [address = ''] = (v4 ?? v6 ?? text).split('%', 1);
  return isIP(address) === 0 ? undefined : ipaddr.process(address).toString();
}

/**
 * @param networks addresses and CIDR networks, as `TRUST_PROXY` lists them
 * @returns whether an address is in one of them
 */
export function makeNetworkCheck(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    list.addSubnet(address, Number(bits ?? (family === 'ipv6' ? 128 : 32)), family);
  }
  return (address) => list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}

/** Maximum proxies of a request. Further entries of `X-Forwarded-For` are ignored. */
const MAX_PROXIES = 32;

/** The sources of a client's address. */
interface Sender {
  /** The address of the TCP peer; undefined after it has disconnected. */
  peer: string | undefined;
  forwardedFor: string | string[] | undefined;
}

/**
 * Finds the address of a client. Follows `X-Forwarded-For` backwards as long as the sender is a trusted proxy. If a proxy
 * names something other than an IP address, the result is the proxy's own address.
 */
export function findClient({ peer, forwardedFor }: Sender, isTrusted: (address: string) => boolean): string {
  let address = peer === undefined ? 'unknown' : (readAddress(peer) ?? peer);
  if (forwardedFor === undefined) return address;
  for (const entry of String(forwardedFor).split(',').reverse().slice(0, MAX_PROXIES)) {
    if (!isTrusted(address)) break;
    const named = readAddress(entry);
    if (named === undefined) break;
    address = named;
  }
  return address;
}
