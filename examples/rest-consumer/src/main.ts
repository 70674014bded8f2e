import { createVault, readVault, writeEntry } from './generated/vault-relay.js';

const [url = 'http://127.0.0.1:3000', session = ''] = process.argv.slice(2);

/** Options of every call. */
const options = { baseUrl: url, headers: { authorization: `session ${session}` } };

const created = await createVault('agent-a', { summary: 'auth refactor' }, {}, options);
if (created.status !== 200) throw new Error(created.data.error);
const { vault_id } = created.data;

const first = await writeEntry(vault_id, 'agent-a', { text: 'JWT in a cookie' }, {}, options);
if (first.status !== 200) throw new Error(first.data.error);

const read = await readVault(vault_id, { id: 'agent-b' }, options);
if (read.status !== 200) throw new Error(`The read was answered with ${read.status}`);
for (const entry of read.data) {
  console.log(`e${entry.entry_no} v${entry.version} ${entry.writer_id}: ${entry.content}`);
}

const refused = await writeEntry(
  vault_id,
  'agent-b',
  { text: 'nothing to override', entry_id: 7 },
  {},
  options,
);
if (refused.status === 404) console.log(refused.data.code, refused.data.error);
