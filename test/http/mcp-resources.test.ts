import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { connect, demandTool, ERAS, type EraName } from '../support/mcp.ts';
import { useServer } from '../support/server.ts';

const database = useDatabase();
const server = useServer(database);

/** Each client has another id, so that none is a past writer of another's vaults. */
const open = async (session?: string, era: EraName = ERAS[0]) =>
  connect({ url: server.url, secret: session ?? (await server.login('st-1')), clientId: randomUUID() }, era);

type Opened = Awaited<ReturnType<typeof open>>;

async function newVault(client: Opened, ...texts: string[]): Promise<string> {
  const { vault_id } = await demandTool<{ vault_id: string }>(client, 'vault_create', { summary: 'notes' });
  for (const text of texts) await demandTool(client, 'vault_write', { vault_id, text });
  return vault_id;
}

const textOf = ({ contents }: { contents: unknown[] }) => (contents[0] as { text: string }).text;

describe.each(ERAS)('by the client %s', (era) => {
  test('vaults are listed as resources, page by page, and entries have a template', async () => {
    const client = await open(await server.login(`st-list ${era}`), era);
    const made = new Set<string>();
    for (let i = 0; i < 101; i++) made.add(`vault://${await newVault(client)}`);
    const listed: { uri: string; description?: string | undefined }[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const page: Awaited<ReturnType<Opened['listResources']>> = await client.listResources(
        cursor === '' ? {} : { cursor },
      );
      listed.push(...page.resources);
      cursor = page.nextCursor;
    }
    expect(listed).toHaveLength(101);
    expect(new Set(listed.map(({ uri }) => uri))).toEqual(made);
    expect(listed[0]?.description).toBe('Summary by another agent: "notes"');
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([
      'vault://{vault_id}',
      'vault://{vault_id}/e{entry_no}',
    ]);
  });

  test('a vault and an entry are read as vault_read shows them', async () => {
    const client = await open(undefined, era);
    const vault = await newVault(client, 'one', 'two');
    const whole = textOf(await client.readResource({ uri: `vault://${vault}` }));
    expect(whole).toMatch(/^one$[\s\S]*^two$/m);
    const entry = textOf(await client.readResource({ uri: `vault://${vault}/e2` }));
    expect(entry).toMatch(/^two$/m);
    expect(entry).not.toMatch(/^one$/m);
  });

  test.each(['vault://v-none', 'vault://%E4', 'vault://', 'http://x/', 'vault://a/b', ''])(
    'there is no resource %j',
    async (uri) => {
      const client = await open(undefined, era);
      await expect(client.readResource({ uri })).rejects.toMatchObject({ code: -32_602 });
    },
  );

  test('there is no resource of an entry that does not exist, and none of another work session', async () => {
    const vault = await newVault(await open(undefined, era), 'one');
    const client = await open(undefined, era);
    await expect(client.readResource({ uri: `vault://${vault}/e2` })).rejects.toThrow('not found');
    const stranger = await open(await server.login('st-2'), era);
    await expect(stranger.readResource({ uri: `vault://${vault}` })).rejects.toThrow('another work session');
  });

  test('the prompts say what to call, and refuse what is missing', async () => {
    const client = await open(undefined, era);
    const { prompts } = await client.listPrompts();
    expect(prompts.map(({ name }) => name)).toEqual(['catch_up', 'hand_over']);
    const ask = async (name: string, args: Record<string, string>) =>
      JSON.stringify((await client.getPrompt({ name, arguments: args })).messages);
    expect(await ask('catch_up', { vault_id: 'v-1', since: '4' })).toContain('vault_read');
    expect(await ask('hand_over', {})).toContain('vault_create');
    expect(await ask('hand_over', { vault_id: 'v-1', to: 'Ann' })).toContain('Ann');
    await expect(ask('catch_up', {})).rejects.toMatchObject({ code: -32_602 });
    await expect(ask('fly', {})).rejects.toMatchObject({ code: -32_602 });
  });
});

describe('a subscription', () => {
  /** Subscribes, and collects the URIs that changed. */
  async function subscribe(client: Opened, ...uris: string[]) {
    const changed: string[] = [];
    client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
      changed.push(params.uri);
    });
    const subscription = await client.listen({ resourceSubscriptions: uris });
    return { changed, subscription };
  }

  test('notifies of each change of a subscribed vault, and of nothing else', async () => {
    const client = await open();
    const [vault, other] = [await newVault(client, 'one'), await newVault(client, 'one')];
    const uris = [`vault://${vault}`, `vault://${vault}/e1`];
    const { changed } = await subscribe(client, ...uris);
    await demandTool(client, 'vault_write', { vault_id: other, text: 'not this' });
    await demandTool(client, 'vault_write', { vault_id: vault, text: 'two' });
    await expect.poll(() => changed).toEqual(uris);
    await demandTool(client, 'vault_set_summary', { vault_id: vault, text: 'changed' });
    await expect.poll(() => changed).toEqual([...uris, ...uris]);
  });

  test('tells nothing of a vault of another work session', async () => {
    const owner = await open();
    const vault = await newVault(owner, 'one');
    const stranger = await open(await server.login('st-2'));
    const own = await newVault(stranger, 'one');
    const { changed } = await subscribe(stranger, `vault://${vault}`, `vault://${own}`);
    await demandTool(owner, 'vault_write', { vault_id: vault, text: 'secret' });
    await demandTool(stranger, 'vault_write', { vault_id: own, text: 'mine' });
    await expect.poll(() => changed).toEqual([`vault://${own}`]);
  });

  test('ends with its session, and when its client closes it', async () => {
    const session = await server.login('st-1');
    const client = await open(session);
    const vault = await newVault(client, 'one');
    const before = server.vaults.followers.waiters.size;
    const first = await subscribe(client, `vault://${vault}`);
    await expect.poll(() => server.vaults.followers.waiters.size).toBe(before + 1);
    await first.subscription.close();
    await expect.poll(() => server.vaults.followers.waiters.size).toBe(before);
    const { subscription } = await subscribe(client, `vault://${vault}`);
    await expect.poll(() => server.vaults.followers.waiters.size).toBe(before + 1);
    await server.sessions.revoke(session);
    expect(await subscription.closed).toBe('graceful');
    await expect.poll(() => server.vaults.followers.waiters.size).toBe(before);
  });
});
