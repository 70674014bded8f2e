import { once } from 'node:events';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { followVault, headOf } from '../remote/follow.ts';
import { type Calls, type Changed, followChanges, listHeads } from './changes.ts';
import type { ChannelEvent } from './news.ts';
import { Outbox } from './outbox.ts';
import { makeChannelServer, notify } from './server.ts';

/** What a channel follows. */
export interface Channel extends Calls {
  version: string;
  /** The vaults; none: all of the work session. */
  vaultIds: readonly string[];
}

interface Following {
  calls: Calls;
  /** Takes each row in order. */
  add: Outbox['add'];
  signal: AbortSignal;
}

/** Adds the rows of one vault until the signal is aborted. */
async function followOne({ calls, add, signal }: Following, { vaultId, head }: Changed): Promise<void> {
  const rows = followVault(calls.client, { vaultId, since: head, kind: 'all' }, { signal, url: calls.url });
  for await (const row of rows) await add(vaultId, row);
}

/** Adds the rows of all vaults until the signal is aborted. @param heads up to which rows are known, by vault */
async function followAll({ calls, add, signal }: Following, heads: Map<string, number>): Promise<void> {
  for await (const { vaultId, head } of followChanges(calls, signal)) {
    const since = heads.get(vaultId) ?? 0;
    if (head <= since) continue;
    const rows = followVault(calls.client, { vaultId, since, kind: 'all' }, { signal, url: calls.url });
    for await (const row of rows) {
      await add(vaultId, row);
      heads.set(vaultId, row.seq);
      if (row.seq >= head) break;
    }
  }
}

/** Finds where the channel begins: rows before it are not news. @returns a function that follows from there on */
async function begin({ vaultIds, ...calls }: Channel): Promise<(following: Following) => Promise<unknown>> {
  if (vaultIds.length > 0) {
    const begun = await Promise.all(
      vaultIds.map(async (vaultId) => ({ vaultId, head: await headOf(calls.client, vaultId) })),
    );
    return (following) => Promise.all(begun.map((vault) => followOne(following, vault)));
  }
  const heads = new Map<string, number>();
  for await (const { vaultId, head } of listHeads(calls)) heads.set(vaultId, head);
  return (following) => followAll(following, heads);
}

/**
 * Runs a channel on stdin and stdout until its client closes stdin.
 * @throws RemoteError for what another attempt cannot change, after a last event that says so
 */
export async function runChannel(channel: Channel): Promise<void> {
  const { client_id: self } = await channel.client.session.whoami.query();
  const follow = await begin(channel);
  const server = makeChannelServer(channel.version);
  const leaving = new AbortController();
  const { signal } = leaving;
  const left = once(signal, 'abort');
  server.onclose = () => leaving.abort();
  const initialized = new Promise<void>((resolve) => {
    server.oninitialized = resolve;
  });
  await server.connect(new StdioServerTransport());
  const outbox = new Outbox(signal);
  const send = (event: ChannelEvent) => notify(server, event);
  const add: Outbox['add'] = async (vaultId, row) => {
    if (row.writer_id !== self) await outbox.add(vaultId, row);
  };
  try {
    await Promise.race([initialized, left]);
    await Promise.race([outbox.deliver(send), follow({ calls: channel, add, signal })]);
  } catch (error) {
    if (signal.aborted) return;
    await outbox.flush(send);
    const reason = error instanceof Error ? error.message : String(error);
    const content = `This channel has ended, so it reports no further rows: ${reason}`;
    await send({ content, meta: { ended: 'true' } });
    throw error;
  } finally {
    await server.close();
  }
}
