import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { findClient } from '../../net/address.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The IP address of the client, which every limit and every log counts by. `ip` may hold what a proxy made up. */
    readonly address: string;
  }
}

/** Finds the address of the client that a request comes from. */
export type ClientOf = (raw: IncomingMessage) => string;

/** @param isTrusted whether an address is that of a trusted proxy */
export const makeClientOf =
  (isTrusted: (address: string) => boolean): ClientOf =>
  ({ socket, headers }) =>
    findClient({ peer: socket.remoteAddress, forwardedFor: headers['x-forwarded-for'] }, isTrusted);

/** Gives each request that reaches a hook the address of its client. */
export function installClientAddress(app: FastifyInstance, clientOf: ClientOf): void {
  app.decorateRequest('address', {
    getter() {
      return clientOf(this.raw);
    },
  });
}
