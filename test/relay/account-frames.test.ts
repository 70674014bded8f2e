import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { AstationKey } from '../support/astation-key.ts';
import { useDatabase } from '../support/database.ts';
import { makeLogKeeper } from '../support/log-lines.ts';
import { useRelayServer } from '../support/relay-server.ts';
import { type AstationSocket, openAstation, openAtem, openVerified } from '../support/sockets.ts';

const database = useDatabase();
const keeper = makeLogKeeper();
const server = useRelayServer(database, { log: keeper.log });

const TYPES = [
  'relayRegisterAccount',
  'relayAccountList',
  'relayMergeRequest',
  'relayMergeApprove',
  'relayMergeCancel',
  'relayLeaveGroup',
  'relayRemoveAstation',
  'relayEncryptionGet',
  'relayEncryptionSet',
];

type Standing = 'verified' | 'legacy' | 'pending';

/** An Astation's socket of this standing, and an atem in the same room. */
async function enter(standing: Standing) {
  const code = `st-${randomUUID()}`;
  const open =
    standing === 'legacy'
      ? openAstation(server.url, code)
      : openVerified(server.url, code, new AstationKey());
  const owner = await open;
  const atem = await openAtem(server.url, code, 'a');
  const { connection_id } = await owner.next();
  const socket = standing === 'pending' ? await openAstation(server.url, code) : owner;
  return { code, socket, owner, atem, connection_id };
}

/** Shows that the atem got nothing so far: the marker of its owner is the next frame. */
async function getsOnlyTheMarker({
  owner,
  atem,
}: {
  owner: AstationSocket;
  atem: Awaited<ReturnType<typeof openAtem>>;
}) {
  const marker = JSON.stringify({ marker: randomUUID() });
  owner.send(marker);
  expect(await atem.nextText()).toBe(marker);
}

async function everywhereElse(): Promise<string> {
  const { rows } = await database.admin.query('SELECT t::text AS line FROM audit_log AS t');
  return [...keeper.lines, ...rows.map(({ line }) => line as string)].join('\n');
}

describe.each(['verified', 'legacy', 'pending'] as const)('from a %s socket', (standing) => {
  test.each(TYPES)('%s is refused with a sentence, and its token is not forwarded', async (type) => {
    const token = `token-${randomUUID()}`;
    const room = await enter(standing);
    const { connection_id } = room;
    const ack = await room.socket.ask({ type, token, auth_token: token, data: { token } });
    expect(ack).toEqual({
      type: 'relayAck',
      for: type,
      ok: false,
      message: expect.stringMatching(/^This server .{20,120}\.$/),
    });
    // With an address on it, as an envelope has one, and without what it needs.
    for (const rest of [{ atem_id: 'a', connection_id, payload: { token } }, {}, { token: [token] }]) {
      expect(await room.socket.ask({ type, ...rest })).toEqual(ack);
    }
    for (const malformed of [
      JSON.stringify([{ type, token }]),
      JSON.stringify({ frame: { type, token } }),
      `{"type":"${type}","token":"${token}","type":"hello"}`,
      `{"atem_id":"a","connection_id":"${connection_id}","payload":{"type":"${type}","token":"${token}"}}`,
      `noise {"type":"${type}","token":"${token}"}`,
    ]) {
      room.socket.send(malformed);
      expect(await room.socket.next()).toEqual(ack);
    }
    room.socket.send(`{"type":"${type}","token":"${token}"`);
    room.socket.send(`{"type":"${type}","token":"${token}"}}`);
    room.socket.ws.send(Buffer.from(JSON.stringify({ type, token })));
    await room.socket.hearsNothing();
    await getsOnlyTheMarker(room);
    expect(await everywhereElse()).not.toContain(token);
  });
});

test('other frames of type relay… are answered as before', async () => {
  const { socket } = await enter('verified');
  expect(await socket.ask({ type: 'relayFutureThing' })).toMatchObject({
    ok: false,
    message: 'not supported by this relay',
  });
});

describe('a frame that hides an account frame reaches no atem', () => {
  const escaped = (type: string) =>
    type.replace('R', '\\u0052').replace('M', '\\u004d').replace('A', '\\u0041');

  test.each(TYPES)('%s, however it is written', async (type) => {
    const token = `token-${randomUUID()}`;
    const room = await enter('legacy');
    const envelope = (payload: string, more = '') =>
      `{"atem_id":"a","connection_id":"${room.connection_id}"${more},"payload":${payload}}`;
    const frame = JSON.stringify({ type, token });
    const text = JSON.stringify(frame);
    const within = `{"type":"${escaped(type)}","token":"${token}"}`;
    const hidden = [
      within,
      `[${within}]`,
      `{"type":"x","data":${within}}`,
      envelope(within),
      envelope(`"${token}"`, `,"type":" ${type}"`),
      `{"type":"${escaped(type)}","token":"${token}","type":"hello"}`,
      ...[
        ` ${type}`,
        `${type}\n`,
        `\u0000${type}`,
        `${type}\u200b`,
        type.toUpperCase(),
        type.toLowerCase(),
      ].map((name) => JSON.stringify({ type: name, token })),
      JSON.stringify({ Type: type.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), token }),
      JSON.stringify([[`${type}\n`, { token }]]),
      JSON.stringify({ [type]: { token } }),
      text,
      JSON.stringify(text),
      envelope(text),
      envelope(JSON.stringify(JSON.stringify(text))),
      envelope(JSON.stringify(` ${within}`)),
      envelope(JSON.stringify(`{"token":"${token}","type":"${escaped(type)}"`)),
      [1, 2, 3, 4, 5, 6, 7].reduce((inner) => JSON.stringify(inner), text),
      `x${within}`,
      `x{'type':'${type}','token':'${token}'}`,
    ];
    for (const one of hidden) {
      room.socket.send(one);
      expect(await room.socket.next(one), one).toMatchObject({ type: 'relayAck', for: type, ok: false });
    }
    room.socket.send(within.slice(0, -1));
    await room.socket.hearsNothing();
    await getsOnlyTheMarker(room);
    expect(await everywhereElse()).not.toContain(token);
  });
});

test.each([
  { text: 'what does {"type":"relayAccountList"} do?' },
  { text: 'relay account list' },
  { text: `relayRegisterAccount ${'and so on '.repeat(1000)}` },
  { text: JSON.stringify({ text: 'relayRegisterAccount is a frame' }) },
  { text: '{ type: relayRegisterAccount }' },
])('a text that only talks about such a frame is passed on: %j', async (frame) => {
  const { owner, atem, connection_id } = await enter('verified');
  const talking = JSON.stringify(frame);
  owner.send(talking);
  expect(await atem.nextText()).toBe(talking);
  owner.send({ atem_id: 'a', connection_id, payload: frame });
  expect(await atem.nextText()).toBe(talking);
});

test('frames of atems are not searched: the Astation gets a frame of this type unchanged', async () => {
  const { owner, atem } = await enter('verified');
  const payload = { type: 'relayRegisterAccount', text: 'from an atem' };
  atem.send(payload);
  expect(await owner.next()).toMatchObject({ atem_id: 'a', payload });
});
