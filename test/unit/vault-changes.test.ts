import { expect, test } from 'vitest';
import { VaultChanges } from '../../src/vault/follow/changes.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { VaultWaiters } from '../../src/vault/follow/waiters.ts';

test('a subscription to changed vaults ends with an error once announcements may be lost', async () => {
  const [feed, waiters] = [new VaultFeed(), new VaultWaiters()];
  const changes = new VaultChanges({ feed, waiters, itemOf: async () => undefined });
  const reader = { workSessionId: 'st-1', clientId: 'ann' } as Parameters<typeof changes.changes>[0];
  const following = changes.changes(reader);
  const next = following.next();
  feed.written({ workSessionId: 'st-1', vaultId: 'v', seq: 2, kind: 'content' });
  expect(await next).toEqual({ done: false, value: { vault_id: 'v', head: 2 } });
  const after = following.next();
  waiters.lookAgain();
  await expect(after).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', retryAfter: 1 });
  expect(waiters.size).toBe(0);
});
