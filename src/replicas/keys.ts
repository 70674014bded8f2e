/** Length of the prefix of a connection id that names the replica holding the socket. */
const REPLICA_ID_LENGTH = 13;

/** The first two groups of a UUID. */
export type ReplicaId = string;

/** The replica that holds a socket. Every connection id begins with the id of its replica. */
export const replicaOf = (connectionId: string): ReplicaId => connectionId.slice(0, REPLICA_ID_LENGTH);

/** Makes a connection id from a random UUID. The result is still a version 4 UUID. */
export const connectionIdOf = (replica: ReplicaId, uuid: string): string =>
  replica + uuid.slice(REPLICA_ID_LENGTH);

/** Names in Redis. The prefix contains the database number, because channels are shared by all databases. */
export const makeKeys = (prefix: string) => ({
  /** Hash, see room-codec.ts. */
  room: (code: string) => `${prefix}room:${code}`,
  /** String that expires if its replica sends no heartbeat. */
  replica: (id: ReplicaId) => `${prefix}replica:${id}`,
  /** Set of all replicas that have started and were not cleaned up; some may be dead. */
  replicas: `${prefix}replicas`,
  /** Set of codes of the rooms that contain a socket of this replica. */
  roomsOf: (id: ReplicaId) => `${prefix}rooms-of:${id}`,
  /** Sorted set of codes of pairing rooms without an Astation, scored by when they lost it. */
  unattended: `${prefix}unattended`,
  /** Sorted set of an address's pending sockets: `<connection id> <code>`, the oldest first. */
  waiting: (address: string) => `${prefix}waiting:${address}`,
  /** Hash of an address's socket counts by replica. */
  sockets: (address: string) => `${prefix}sockets:${address}`,
  /** Prefix of rate-limit counters. */
  rate: `${prefix}rate:`,
  /** Channel of messages for the sockets of one replica. */
  inbox: (id: ReplicaId) => `${prefix}inbox:${id}`,
  /** Channel of committed writes. */
  writes: `${prefix}writes`,
});

export type Keys = ReturnType<typeof makeKeys>;
