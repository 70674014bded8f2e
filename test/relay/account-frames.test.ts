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
  test.each(TYPES)('%s is refused with a sentence, and its token goes nowhere', async (type) => {
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

test('a text that only quotes the name of such a frame is passed on', async () => {
  const { owner, atem } = await enter('verified');
  const quoting = JSON.stringify({ text: 'what does {"type":"relayAccountList"} do?' });
  owner.send(quoting);
  expect(await atem.nextText()).toBe(quoting);
});
