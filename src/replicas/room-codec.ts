import type { Astation, Room } from '../relay/rooms/state.ts';

/**
 * A room in Redis is a hash: `head` has what a room always has, `owner` its Astation, `p:<connection id>` an
 * Astation that waits to prove a key, `a:<atem_id>` an atem, its place and the session that it came by, and `v` changes with every change. Values that
 * stand for sockets begin with the connection id.
 */
export type Fields = ReadonlyMap<string, string>;

type Head = Pick<Room, 'kind' | 'hostname' | 'unattendedSince'>;

const writeAstation = (astation: Astation) => `${astation.connectionId} ${JSON.stringify(astation)}`;
const readAstation = (value: string) => JSON.parse(value.slice(value.indexOf(' ') + 1)) as Astation;

/** The room that a hash holds; undefined for an empty one. */
export function decodeRoom(code: string, fields: Fields): Room | undefined {
  const head = fields.get('head');
  if (head === undefined) return undefined;
  const owner = fields.get('owner');
  const starting = (letter: string) =>
    [...fields].flatMap(([field, value]) =>
      field.startsWith(letter) ? [[field.slice(2), value] as const] : [],
    );
  const atems = starting('a:')
    .map(([atemId, value]) => ({ atemId, ...readAtem(value) }))
    .sort((one, other) => one.place - other.place);
  return {
    code,
    ...(JSON.parse(head) as Head),
    owner: owner === undefined ? undefined : readAstation(owner),
    pending: new Map(starting('p:').map(([id, value]) => [id, readAstation(value)])),
    atems: new Map(atems.map(({ atemId, connectionId }) => [atemId, connectionId])),
    proven: new Map(
      atems.flatMap(({ atemId, session }) => (session === undefined ? [] : [[atemId, session]])),
    ),
  };
}

/**
 * The hash of a room, `v` aside. Redis keeps no order of its own, so that atems carry their place in the line;
 * those that were there before keep theirs.
 */
export function encodeRoom(room: Room, before: Fields): Fields {
  const { kind, hostname, unattendedSince, owner } = room;
  const fields = new Map([['head', JSON.stringify({ kind, hostname, unattendedSince } satisfies Head)]]);
  if (owner) fields.set('owner', writeAstation(owner));
  for (const [id, astation] of room.pending) fields.set(`p:${id}`, writeAstation(astation));
  let last = 0;
  for (const [field, value] of before)
    if (field.startsWith('a:')) last = Math.max(last, readAtem(value).place);
  for (const [atemId, connectionId] of room.atems) {
    const field = `a:${atemId}`;
    const kept = before.get(field);
    if (kept?.startsWith(`${connectionId} `)) fields.set(field, kept);
    else fields.set(field, [connectionId, ++last, room.proven.get(atemId)].join(' ').trim());
  }
  return fields;
}

function readAtem(value: string): { connectionId: string; place: number; session: string | undefined } {
  const [connectionId = '', place, session] = value.split(' ');
  return { connectionId, place: Number(place), session };
}
