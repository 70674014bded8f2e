import type { Room } from './room-state.ts';

/** How many rooms there are, and sockets in them by role. */
export interface RelayCensus {
  rooms: number;
  sockets: { atems: number; astations: number; pending: number };
}

/** Counts rooms and their sockets. An Astation that has not proved its key is pending and no Astation yet. */
export function takeCensus(rooms: Iterable<Room>): RelayCensus {
  const census: RelayCensus = { rooms: 0, sockets: { atems: 0, astations: 0, pending: 0 } };
  for (const { owner, pending, atems } of rooms) {
    census.rooms += 1;
    census.sockets.atems += atems.size;
    census.sockets.astations += owner ? 1 : 0;
    census.sockets.pending += pending.size;
  }
  return census;
}
