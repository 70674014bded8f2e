import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { findClient } from '../../net/address.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The client's IP address, for all limits and logs. Do not use `ip`, because a proxy may have made it up. */
    readonly address: string;
  }
}

/** Finds the address of the client that sent a request. */
export type ClientOf = (raw: IncomingMessage) => string;

/** @param isTrusted whether an address is that of a trusted proxy */
export const makeClientOf =
  (isTrusted: (address: string) => boolean): ClientOf =>
  ({ socket, headers }) =>
    findClient({ peer: socket.remoteAddress, forwardedFor: headers['x-forwarded-for'] }, isTrusted);

/** Adds `address` to each request that reaches a hook. */
export function installClientAddress(app: FastifyInstance, clientOf: ClientOf): void {
  app.decorateRequest('address', {
    getter() {
      return clientOf(this.raw);
    },
  });
}
