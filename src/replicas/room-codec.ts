import type { Astation, Room } from '../relay/rooms/state.ts';

/**
 * A room in Redis is a hash. `head` holds the fixed fields, `owner` the Astation, `p:<connection id>` a pending Astation,
 * `a:<atem_id>` an atem with its position and session. `v` changes with every update. Values that represent sockets begin
 * with the connection id.
 */
export type Fields = ReadonlyMap<string, string>;

type Head = Pick<Room, 'kind' | 'hostname' | 'unattendedSince'>;

const writeAstation = (astation: Astation) => `${astation.connectionId} ${JSON.stringify(astation)}`;
const readAstation = (value: string) => JSON.parse(value.slice(value.indexOf(' ') + 1)) as Astation;

/** Decodes a room from its hash; undefined if the hash is empty. */
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
 * Encodes a room as a hash without `v`. Atems carry their position, because Redis hashes are unordered. Existing atems keep
 * their position.
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
