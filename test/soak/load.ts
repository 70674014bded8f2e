import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { Socket } from '../acceptance/socket.ts';

/** What has happened so far. */
export interface Tally {
  calls: number;
  written: number;
  /** Calls that were answered with 503, or not at all: only while the database is away. */
  unserved: number;
}

export interface LoadOptions {
  url: string;
  session: string;
  /** Whether the load should go on. */
  goesOn(): boolean;
  /** Whether calls may fail because the database is being taken away. */
  mayBeAway: boolean;
}

/** Writes that one vault gets before the next one is made, so that vaults stay as small as they are in use. */
const WRITES_PER_VAULT = 400;
const PAUSE_WHILE_AWAY_MS = 100;

interface Answer {
  status: number;
  body: unknown;
}

/** Unserved by a database that is away; the caller tries again. */
class Away extends Error {}

function makeCall({ url, session, mayBeAway }: LoadOptions, tally: Tally) {
  return async (path: string, body?: unknown, asSession = session): Promise<Answer> => {
    tally.calls++;
    const answer = await fetch(url + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `session ${asSession}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((error: Error) => {
      if (mayBeAway) throw new Away();
      throw error;
    });
    const parsed = (await answer.json()) as unknown;
    if (answer.status === 503 && mayBeAway) throw new Away();
    return { status: answer.status, body: parsed };
  };
}

type Call = ReturnType<typeof makeCall>;

function expectStatus({ status, body }: Answer, expected: number): void {
  if (status !== expected)
    throw new Error(`Answered ${status} in place of ${expected}: ${JSON.stringify(body)}`);
}

/** Fills vault after vault, follows each with `since`, and sees at its end that everything acknowledged is there. */
async function writeVaults(name: string, call: Call, { goesOn }: LoadOptions, tally: Tally): Promise<void> {
  while (goesOn()) {
    const created = await retry(() => call(`/api/vault?id=${name}`, { summary: name }), goesOn, tally);
    if (!created) return;
    const { vault_id: vault } = created.body as { vault_id: string };
    const acknowledged = new Map<string, number>();
    for (let n = 0; n < WRITES_PER_VAULT && goesOn(); n++) {
      const text = `${name} ${n} ${'x'.repeat(n % 2000)}`;
      const written = await retry(() => call(`/api/vault/${vault}?id=${name}`, { text }), goesOn, tally);
      if (!written) break;
      expectStatus(written, 200);
      const { seq } = written.body as { seq: number };
      acknowledged.set(text, seq);
      tally.written++;
      if (n % 5 === 0)
        await retry(() => call(`/api/vault/${vault}?id=${name}&since=${seq - 1}`), goesOn, tally);
      if (n % 50 === 0) await retry(() => call(`/api/vault?id=${name}`), goesOn, tally);
    }
    const all = await retry(
      () => call(`/api/vault/${vault}?id=${name}&history=true`),
      () => true,
      tally,
    );
    const rows = (all?.body ?? []) as { content: string; seq: number }[];
    const seqs = new Map(rows.map((row) => [row.content, row.seq]));
    for (const [text, seq] of acknowledged) {
      if (seqs.get(text) !== seq) throw new Error(`An acknowledged write is lost: seq ${seq} of ${vault}`);
    }
  }
}

async function retry(
  work: () => Promise<Answer>,
  goesOn: () => boolean,
  tally: Tally,
): Promise<Answer | undefined> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Away)) throw error;
      tally.unserved++;
      await setTimeout(PAUSE_WHILE_AWAY_MS);
      if (!goesOn()) return undefined;
    }
  }
}

/** What programs do wrong: unknown sessions, vaults, addresses, bodies; and batches, some calls of which fail. */
async function blunder(call: Call, { goesOn }: LoadOptions, tally: Tally): Promise<void> {
  const blunders: [expected: number, work: () => Promise<Answer>][] = [
    [401, () => call('/api/vault?id=a', undefined, randomUUID())],
    [404, () => call('/api/vault/v-0?id=a')],
    [404, () => call(`/nowhere/${randomUUID()}`)],
    [400, () => call('/api/vault?id=a', { unknown: 1 })],
    [413, () => call('/api/vault?id=a', { summary: 'x'.repeat(5000) })],
    [
      207,
      () => call(`/trpc/vault.list,vault.read?batch=1&id=a&input=${encodeURIComponent('{"0":{},"1":{}}')}`),
    ],
    [404, () => call(`/api/sessions/${randomUUID()}/status`)],
  ];
  for (let n = 0; goesOn(); n++) {
    const [expected, work] = blunders[n % blunders.length] as (typeof blunders)[number];
    const answer = await retry(work, goesOn, tally);
    if (answer) expectStatus(answer, expected);
  }
}

/** Atems and their Astation come, talk and go. */
async function visitRoom({ url, goesOn }: LoadOptions, room: string): Promise<void> {
  const sockets: Socket[] = [];
  const open = async (query: Record<string, string>) => {
    const socket = await Socket.open(url, { ...query, code: room });
    sockets.push(socket);
    return socket;
  };
  try {
    const astation = await open({ role: 'astation' });
    const atems = await Promise.all(
      Array.from({ length: 5 }, (_, n) => open({ role: 'atem', atem_id: `atem-${n}` })),
    );
    for (let n = 0; n < 40 && goesOn(); n++) {
      for (const atem of atems) atem.send({ type: 'says', data: { n, text: 'x'.repeat(500) } });
      await astation.next((frame) => (frame.payload as { data?: { n?: number } })?.data?.n === n);
      astation.send({ type: 'answers', data: { n } });
      await Promise.all(
        atems.map((atem) => atem.next((frame) => (frame.data as { n?: number } | undefined)?.n === n)),
      );
    }
  } finally {
    for (const socket of sockets) socket.close();
  }
}

async function relay(options: LoadOptions, room: string, tally: Tally): Promise<void> {
  while (options.goesOn()) {
    try {
      await visitRoom(options, room);
    } catch (error) {
      // Whether a room's key is registered stands in the database.
      if (!options.mayBeAway) throw error;
      tally.unserved++;
      await setTimeout(PAUSE_WHILE_AWAY_MS);
    }
  }
}

/** Everything that a server does, at the same time, until the load should end. @throws at the first wrong answer */
export async function load(options: LoadOptions, tally: Tally): Promise<void> {
  const call = makeCall(options, tally);
  await Promise.all([
    ...Array.from({ length: 4 }, (_, n) => writeVaults(`writer-${n}`, call, options, tally)),
    blunder(call, options, tally),
    relay(options, `soak-${randomUUID()}`, tally),
  ]);
}
