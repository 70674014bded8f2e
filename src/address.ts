import ipaddr from 'ipaddr.js';

/** Groups of an IPv6 address that name a network; whoever has one has 2^64 addresses in it. */
const NETWORK_GROUPS = 4;

/** What an address is counted by: an IPv4 address as it is, an IPv6 address by its /64 network. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString();
  const groups = parsed.parts.slice(0, NETWORK_GROUPS).map((group) => group.toString(16));
  return `${groups.join(':')}::/64`;
}
