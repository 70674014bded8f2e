/** Characters of a connection id that name the replica that holds the socket. */
const REPLICA_ID_LENGTH = 13;

/** Ids of replicas are the first two groups of a UUID. */
export type ReplicaId = string;

/** Which replica holds a socket: every connection id begins with the id of its replica. */
export const replicaOf = (connectionId: string): ReplicaId => connectionId.slice(0, REPLICA_ID_LENGTH);

/** Makes the id of a replica's next socket out of a random UUID; it stays one of version 4. */
export const connectionIdOf = (replica: ReplicaId, uuid: string): string =>
  replica + uuid.slice(REPLICA_ID_LENGTH);

/** Names in Redis. The channels carry the number of the database too, since channels have none. */
export const makeKeys = (prefix: string) => ({
  /** Hash, see room-codec.ts. */
  room: (code: string) => `${prefix}room:${code}`,
  /** String that expires when its replica no longer says that it is there. */
  replica: (id: ReplicaId) => `${prefix}replica:${id}`,
  /** Set of replicas that were there, some of them perhaps dead. */
  replicas: `${prefix}replicas`,
  /** Set of the codes of rooms that hold a socket of this replica. */
  roomsOf: (id: ReplicaId) => `${prefix}rooms-of:${id}`,
  /** Sorted set of the codes of pairing rooms without an Astation, by the time they have been so. */
  unattended: `${prefix}unattended`,
  /** Sorted set of the sockets of an address that wait to prove a key: `<connection id> <code>`, the oldest first. */
  waiting: (address: string) => `${prefix}waiting:${address}`,
  /** Hash of how many sockets an address has, by replica. */
  sockets: (address: string) => `${prefix}sockets:${address}`,
  /** Counters of requests. */
  rate: `${prefix}rate:`,
  /** Channel of what is meant for the sockets of one replica. */
  inbox: (id: ReplicaId) => `${prefix}inbox:${id}`,
  /** Channel of committed writes. */
  writes: `${prefix}writes`,
});

export type Keys = ReturnType<typeof makeKeys>;
