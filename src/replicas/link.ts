import { Redis } from 'ioredis';
import type { ReplicaId } from './keys.ts';
import type { ScriptName } from './scripts.ts';

/** Time-out of Redis commands. */
export const ANSWER_MS = 3000;
export const CONNECT_MS = 2000;

/** A pair of working connections: one for commands and one for subscriptions. */
export interface Link {
  /** Id of this replica for the lifetime of the link. A reconnect gets a new id. */
  readonly id: ReplicaId;
  readonly commands: Redis;
  readonly subscriber: Redis;
  readonly shas: Record<ScriptName, string>;
}

/** Makes a client that does not reconnect by itself, because a reconnect needs a new replica id. */
export function makeClient(url: string): Redis {
  const client = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    enableOfflineQueue: false,
    connectTimeout: CONNECT_MS,
    commandTimeout: ANSWER_MS,
    connectionName: 'vault-relay',
  });
  client.on('error', () => undefined); // 'end' follows, or the call in flight rejects
  return client;
}

/** Closes both connections at once. */
export function disconnect({ commands, subscriber }: Pick<Link, 'commands' | 'subscriber'>): void {
  commands.disconnect();
  subscriber.disconnect();
}
