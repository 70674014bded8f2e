import { createVault, readVault, writeEntry } from './generated/vault-relay.js';

const [url = 'http://127.0.0.1:3000', session = ''] = process.argv.slice(2);

/** What every call of a client needs: the session as a header, the client id in the query. */
const as = (clientId: string) => ({
  baseUrl: url,
  headers: { authorization: `session ${session}` },
  fetch: (input: string | URL | Request, init?: RequestInit) => {
    const address = new URL(String(input));
    address.searchParams.set('id', clientId);
    return fetch(address, init);
  },
});

const created = await createVault({ summary: 'auth refactor' }, {}, as('agent-a'));
if (created.status !== 200) throw new Error(created.data.error);
const { vault_id } = created.data;

const first = await writeEntry(vault_id, { text: 'JWT in a cookie' }, {}, as('agent-a'));
if (first.status !== 200) throw new Error(first.data.error);

const read = await readVault(vault_id, {}, as('agent-b'));
if (read.status !== 200) throw new Error(`The read was answered with ${read.status}`);
for (const entry of read.data) {
  console.log(`e${entry.entry_no} v${entry.version} ${entry.writer_id}: ${entry.content}`);
}

const refused = await writeEntry(vault_id, { text: 'nothing to override', entry_id: 7 }, {}, as('agent-b'));
if (refused.status === 404) console.log(refused.data.code, refused.data.error);
