import { BlockList, isIPv6, type Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { networkOf } from '../address.ts';
import type { Metrics } from '../observability/metrics.ts';

export interface ConnectionLimit {
  maxPerAddress: number;
  /** Networks of proxies, which come for many. */
  trustProxy: string[] | undefined;
  metrics: Metrics;
}

function makeBlockList(networks: string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    list.addSubnet(address, Number(bits ?? (family === 'ipv6' ? 128 : 32)), family);
  }
  return list;
}

/** Cuts a connection that is one too many of its address, so that one address cannot take the places of all. */
export function installConnectionLimit(
  app: FastifyInstance,
  { maxPerAddress, trustProxy = [], metrics }: ConnectionLimit,
): void {
  const proxies = makeBlockList(trustProxy);
  const open = new Map<string, number>();

  app.server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress;
    if (address === undefined || proxies.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')) return;
    const key = networkOf(address);
    const count = (open.get(key) ?? 0) + 1;
    if (count > maxPerAddress) {
      metrics.refused('TOO_MANY_CONNECTIONS');
      socket.destroy();
      return;
    }
    open.set(key, count);
    socket.once('close', () => {
      const left = (open.get(key) ?? 1) - 1;
      if (left > 0) open.set(key, left);
      else open.delete(key);
    });
  });
}
