import { expect, test } from 'vitest';
import { AstationKey } from '../support/astation-key.ts';
import { useDatabase } from '../support/database.ts';
import { useRelayServer } from '../support/relay-server.ts';
import { openAstation, openVerified } from '../support/sockets.ts';

const database = useDatabase();
const here = useRelayServer(database);
const there = useRelayServer(database);

test('a key that is registered on another server takes the room from an owner without proof', async () => {
  const code = 'st-two-servers';
  const legacy = await openAstation(here.url, code);
  expect((await here.room(code))?.owner?.standing).toBe('legacy');
  const rightful = await openVerified(there.url, code, new AstationKey());
  await expect.poll(async () => (await here.room(code))?.owner).toBeUndefined();
  expect(await legacy.prove(new AstationKey())).toMatchObject({ status: 'rejected' });
  rightful.ws.close();
});
