import { expect, onTestFinished, test } from 'vitest';
import type { ChannelEvent } from '../../../../src/cli/channel/news.ts';
import { Outbox } from '../../../../src/cli/channel/outbox.ts';
import type { VaultEntry } from '../../../../src/vault/schema.ts';

const row = (seq: number): VaultEntry => ({
  seq,
  entry_no: seq,
  version: 1,
  kind: 'content',
  writer_id: 'codex',
  content: `text ${seq}`,
  created_at: '2026-11-30T12:00:00.000000Z',
});

/** An outbox that delivers until the test ends, and what it delivered. */
function deliver() {
  const leaving = new AbortController();
  const outbox = new Outbox(leaving.signal, { collect: 5, first: 5, longest: 10 });
  const events: ChannelEvent[] = [];
  const delivered = outbox.deliver(async (event) => void events.push(event));
  onTestFinished(async () => {
    leaving.abort();
    await expect(delivered).rejects.toThrow('aborted');
  });
  return { outbox, events, leaving };
}

const rowsIn = (events: ChannelEvent[]) => events.reduce((sum, { meta }) => sum + Number(meta.rows), 0);

test('rows of one moment become one event for each vault', async () => {
  const { outbox, events } = deliver();
  for (let seq = 1; seq <= 1000; seq++) await outbox.add(seq % 2 === 0 ? 'v-even' : 'v-odd', row(seq));
  await expect.poll(() => events.length).toBe(2);
  expect(events.map(({ meta }) => meta)).toEqual([
    { vault_id: 'v-odd', rows: '500', head: '999' },
    { vault_id: 'v-even', rows: '500', head: '1000' },
  ]);
});

test('rows that arrive during a pause are in the next event, none lost and none twice', async () => {
  const { outbox, events } = deliver();
  for (let seq = 1; seq <= 30; seq++) {
    await outbox.add('v', row(seq));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await expect.poll(() => rowsIn(events)).toBe(30);
  const notes = events.flatMap(({ content }) => content.match(/^text \d+$/gm));
  expect(notes).toEqual(Array.from({ length: 30 }, (_, i) => `text ${i + 1}`));
});

test('rows of the eleventh vault wait until the others are delivered', async () => {
  const { outbox, events } = deliver();
  const added: number[] = [];
  const adding = Array.from({ length: 25 }, (_, i) => outbox.add(`v-${i}`, row(1)).then(() => added.push(i)));
  await Promise.resolve();
  expect(added).toHaveLength(10);
  await Promise.all(adding);
  await expect.poll(() => new Set(events.map(({ meta }) => meta.vault_id)).size).toBe(25);
  expect(events).toHaveLength(25);
});

test('an add that waits for room ends with the signal, and a flush delivers the others', async () => {
  const leaving = new AbortController();
  const outbox = new Outbox(leaving.signal);
  for (let i = 0; i < 10; i++) await outbox.add(`v-${i}`, row(1));
  const waiting = outbox.add('v-10', row(1));
  leaving.abort();
  await expect(waiting).rejects.toThrow('aborted');
  const events: ChannelEvent[] = [];
  await outbox.flush(async (event) => void events.push(event));
  expect(events.map(({ meta }) => meta.vault_id)).toEqual(Array.from({ length: 10 }, (_, i) => `v-${i}`));
});
