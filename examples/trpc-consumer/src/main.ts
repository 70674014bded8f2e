import { TRPCClientError } from '@trpc/client';
import { createVaultRelayClient, readProof, verifyProof } from 'vault-relay/client';

const [url = 'http://127.0.0.1:3000', session = ''] = process.argv.slice(2);

const a = createVaultRelayClient({ url, session, clientId: 'agent-a' });
const b = createVaultRelayClient({ url, session, clientId: 'agent-b' });

const { vault_id } = await a.vault.create.mutate({ summary: 'auth refactor' });
const first = await a.vault.append.mutate({ vault_id, text: 'JWT in a cookie' });

for (const entry of await b.vault.read.query({ vault_id })) {
  console.log(`e${entry.entry_no} v${entry.version} ${entry.writer_id}: ${entry.content}`);
}

// Overriding an entry keeps its earlier versions.
await b.vault.override.mutate({ vault_id, entry_id: first.entry_no, text: 'JWT in a cookie, 15 minutes' });
for (const entry of await a.vault.read.query({ vault_id, since: first.seq, history: true })) {
  console.log(`e${entry.entry_no} v${entry.version} ${entry.writer_id}: ${entry.content}`);
}

try {
  await a.vault.override.mutate({ vault_id, entry_id: 7, text: 'nothing to override' });
} catch (error) {
  if (!(error instanceof TRPCClientError)) throw error;
  console.log(error.data?.code, error.message);
}

// Follows the vault: gets rows as they are written, and resumes after a lost connection without missing one.
const followed = await new Promise<string>((resolve, reject) => {
  const following = b.vault.watch.subscribe(
    { vault_id, since: first.seq },
    {
      onData: ({ data }) => {
        following.unsubscribe();
        resolve(data.content);
      },
      onError: reject,
    },
  );
});
console.log(`followed: ${followed}`);

// Verifies that no row up to the head was changed: see docs/proof.md.
const { head, head_hash } = await b.vault.readPage.query({ vault_id });
const chain = readProof((since) => b.vault.proof.query({ vault_id, since }));
const { rows } = await verifyProof({ pages: chain, head: { seq: head, hash: head_hash } });
console.log(`verified ${rows} rows`);
