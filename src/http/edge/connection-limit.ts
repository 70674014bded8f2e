import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { networkOf } from '../../net/address.ts';
import type { Metrics } from '../../observability/metrics.ts';

export interface ConnectionLimit {
  maxPerAddress: number;
  /** Whether an address belongs to a trusted proxy, which carries the requests of many clients. */
  isTrusted: (address: string) => boolean;
  metrics: Metrics;
}

/** Closes connections beyond the limit of their address, so that one address cannot use up all connections. */
export function installConnectionLimit(
  app: FastifyInstance,
  { maxPerAddress, isTrusted, metrics }: ConnectionLimit,
): void {
  const open = new Map<string, number>();

  app.server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress;
    if (address === undefined || isTrusted(address)) return;
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
