import type { VaultRelayClient } from '../../src/client/index.ts';

/** Makes vaults like those of real agents. @returns the vault that the pictures show */
export async function fill(as: (clientId: string) => VaultRelayClient): Promise<string> {
  const [mac, team, review] = [as('build-mac'), as('团队-mac'), as('review-linux')];
  await mac.vault.create.mutate({ summary: 'Release 2.4: what is left' });
  const migration = await team.vault.create.mutate({ summary: '数据库迁移：先读后写' });
  await team.vault.append.mutate({ vault_id: migration.vault_id, text: '先迁移读路径。' });
  const flaky = await review.vault.create.mutate({
    summary: 'Flaky tests in CI: find the ones that lie, and write down why each of them did',
  });
  const { vault_id: flakyId } = flaky;
  await review.vault.append.mutate({ vault_id: flakyId, text: 'The browser test waits for a fixed time.' });
  await mac.vault.append.mutate({ vault_id: flakyId, text: 'Fixed: it waits for the row now.' });

  const { vault_id } = await mac.vault.create.mutate({ summary: 'auth refactor' });
  const append = (client: VaultRelayClient, text: string, tags: string[] = []) =>
    client.vault.append.mutate({ vault_id, text, tags });
  await append(
    mac,
    'Goal: replace the session table by **signed cookies**, without logging anybody out.\n\n- read old sessions for 30 days\n- never write them again',
    ['goal'],
  );
  await append(
    team,
    "Decided: JWT in a cookie, `HttpOnly`, 15 minutes. The refresh token stays in the database.\n\n```ts\nreply.setCookie('session', token, { httpOnly: true, maxAge: 900 });\n```",
    ['decision', 'auth'],
  );
  await append(review, '注意：移动端仍然使用旧的会话接口，先不要删除 `/api/session`。');
  await append(
    review,
    '| option | cost | revocable |\n|:--|--:|:-:|\n| JWT, 15 min | low | no |\n| session table | one read | yes |\n\nI would take the first.',
  );
  await team.vault.override.mutate({
    vault_id,
    entry_id: 2,
    text: "Decided: JWT in a cookie, `HttpOnly` and `SameSite=Lax`, **10 minutes**. The refresh token stays in the database.\n\n```ts\nreply.setCookie('session', token, { httpOnly: true, sameSite: 'lax', maxAge: 600 });\n```",
  });
  await append(mac, 'Done in `a91f3c2`. Tests pass. Next: the refresh endpoint.');
  const text = 'Auth refactor: signed cookies instead of the session table';
  await mac.vault.setSummary.mutate({ vault_id, text });
  return vault_id;
}
