import { randomBytes, randomUUID } from 'node:crypto';
import http from 'node:http';
import { WebSocket } from 'ws';
import { AstationKey } from '../../support/astation-key.ts';

/** What the test tells an attacker. */
export interface Orders {
  attack: keyof typeof ATTACKS;
  url: string;
  /** Of the attacker's own work session. */
  sessions: readonly string[];
  /** A vault of that work session which is as large as the attack needs. */
  vaultId: string;
  /** The code of the victim's Astation. */
  victimCode: string;
  ms: number;
}

/** The attacker does not share the victim's address, because limits count by address. */
const ADDRESS = '127.0.0.2';
/** A client id of the attacker. */
const ID = 'mallory';

const agent = new http.Agent({ keepAlive: true, maxSockets: 200 });

interface Request {
  method?: string;
  body?: unknown;
  session?: string | undefined;
  address?: string;
}

/** Sends a request and reads its answer, whatever it is. A connection that is cut counts as an answer. */
function ask(
  url: string,
  { method = 'GET', body, session, address = ADDRESS }: Request = {},
): Promise<string> {
  return new Promise((resolve) => {
    const headers = {
      ...(session !== undefined && { authorization: `session ${session}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    const request = http.request(url, { method, agent, localAddress: address, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.length < 64 && chunks.push(chunk));
      answer.once('close', () => resolve(Buffer.concat(chunks).toString()));
      answer.once('error', () => resolve(''));
    });
    request.once('error', () => resolve(''));
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Asks for an answer and never reads it. */
function stall(url: string, session: string): void {
  const headers = { authorization: `session ${session}`, accept: 'text/event-stream' };
  const request = http.get(url, { agent: false, localAddress: ADDRESS, headers }, (answer) => answer.pause());
  request.once('error', () => undefined);
}

function openSocket(url: string, query: string, address = ADDRESS): Promise<WebSocket | undefined> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/ws?${query}`, { localAddress: address });
    socket.once('message', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
    socket.once('close', () => resolve(undefined));
    socket.on('error', () => undefined);
    setTimeout(() => resolve(undefined), 2000);
  });
}

/** Enrols a fresh key, as any stranger may. */
async function enrol(url: string): Promise<WebSocket | undefined> {
  const code = `mallory-${randomUUID()}`;
  const key = new AstationKey();
  return new Promise((resolve) => {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/ws?role=astation&code=${code}`, {
      localAddress: ADDRESS,
    });
    socket.on('error', () => resolve(undefined));
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as { type: string; challenge?: string };
      if (frame.challenge !== undefined) socket.send(JSON.stringify(key.answer(frame.challenge, code)));
      if (frame.type === 'relayAuthResult') resolve(socket);
    });
    // A server that takes no more frames of this address gives no verdict.
    setTimeout(() => resolve(socket), 2000);
  });
}

/** Repeats work side by side until the time is up. */
async function repeat(ms: number, beside: number, work: (n: number) => Promise<unknown>): Promise<void> {
  const until = performance.now() + ms;
  let n = 0;
  const loop = async () => {
    while (performance.now() < until) await work(n++);
  };
  await Promise.all(Array.from({ length: beside }, loop));
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const longFrame = JSON.stringify({ type: 'noise', text: 'x'.repeat(1_000_000) });

/** One for each kind of harm that one caller did to all others. */
export const ATTACKS = {
  /** A1: reads of a vault whose view is over half a gigabyte of JSON, on every read path. */
  'unbounded answers': ({ url, sessions, vaultId, ms }: Orders) => {
    const vault = `/api/vault/${vaultId}`;
    const input = encodeURIComponent(JSON.stringify({ vault_id: vaultId }));
    const paths = [
      `${vault}?id=${ID}`,
      `${vault}?id=${ID}&history=true`,
      `${vault}?id=${ID}&limit=1000`,
      `${vault}/proof?id=${ID}`,
      `${vault}/meta?id=${ID}`,
      `/trpc/vault.read?id=${ID}&input=${input}`,
      `/trpc/vault.readPage?id=${ID}&input=${encodeURIComponent(JSON.stringify({ vault_id: vaultId, limit: 1000 }))}`,
    ];
    return repeat(ms, 8, (n) =>
      ask(url + paths[n % paths.length], { session: sessions[n % sessions.length] }),
    );
  },

  /** A2: readers of subscriptions, pages and whole vaults that stop reading. */
  'no back-pressure': async ({ url, sessions, vaultId, ms }: Orders) => {
    const input = encodeURIComponent(JSON.stringify({ vault_id: vaultId }));
    const paths = [
      `/trpc/vault.watch?id=${ID}&input=${input}`,
      `/api/vault/${vaultId}?id=${ID}&limit=1000`,
      `/api/vault/${vaultId}?id=${ID}&history=true&limit=1000`,
    ];
    await repeat(ms, 1, async (n) => {
      stall(url + paths[n % paths.length], sessions[n % sessions.length] ?? '');
      await pause(100);
    });
  },

  /** A3: searches of everything the attacker has. */
  'no fairness': ({ url, sessions, ms }: Orders) =>
    repeat(ms, 30, (n) =>
      ask(`${url}/api/vault?id=${ID}&q=zz${n}&limit=1`, { session: sessions[n % sessions.length] }),
    ),

  /** A4: frames with a thousand ids each, single bindings, and frames of a megabyte from sockets without a proof. */
  'limits on requests only': async ({ url, ms }: Orders) => {
    const proved = await enrol(url);
    const unproved = await Promise.all(
      Array.from({ length: 8 }, () => openSocket(url, `role=astation&code=noise-${randomUUID()}`)),
    );
    await repeat(ms, 1, async () => {
      const ids = Array.from({ length: 1000 }, () => randomBytes(16).toString('hex'));
      proved?.send(JSON.stringify({ type: 'relaySessions', sessions: ids }));
      for (const id of ids.slice(0, 100)) proved?.send(JSON.stringify({ type: 'relayBind', session_id: id }));
      for (const socket of unproved) if (socket?.readyState === WebSocket.OPEN) socket.send(longFrame);
      await pause(50);
    });
  },

  /** A5: one-byte appends, each under a client id that was never used. */
  'arrays that grow in a row': ({ url, sessions, vaultId, ms }: Orders) =>
    repeat(ms, 8, (n) => {
      const id = randomBytes(64).toString('hex');
      const session = sessions[n % sessions.length];
      return ask(`${url}/api/vault/${vaultId}?id=${id}`, { method: 'POST', body: { text: 'x' }, session });
    }),

  /** A6: requests for sessions and wrong OTPs, without any session. */
  'strangers fill append-only tables': ({ url, ms }: Orders) =>
    repeat(ms, 8, async () => {
      const answer = await ask(`${url}/api/sessions`, { method: 'POST', body: { hostname: 'mallory' } });
      const { id } = JSON.parse(answer || '{}') as { id?: string };
      if (id === undefined) return;
      const grant = { method: 'POST', body: { otp: '00000000' } };
      for (let n = 0; n < 5; n++) await ask(`${url}/api/sessions/${id}/grant`, grant);
    }),

  /** A7: lists of thousands of vaults, each with the longest summary. */
  'unbounded lists': ({ url, sessions, ms }: Orders) => {
    const paths = [`/api/vault?id=${ID}`, `/api/vault?id=${ID}&details=true`, `/trpc/vault.list?id=${ID}`];
    return repeat(ms, 12, (n) =>
      ask(url + paths[n % paths.length], { session: sessions[n % sessions.length] }),
    );
  },

  /** A8: two sockets of each of sixteen addresses wait to prove the key of the victim's Astation. */
  'slots that strangers can fill': ({ url, victimCode, ms }: Orders) =>
    repeat(ms, 32, async (n) => {
      const address = `127.0.1.${1 + (n % 16)}`;
      const socket = await openSocket(url, `role=astation&code=${encodeURIComponent(victimCode)}`, address);
      await pause(socket ? 1000 : 100);
    }),
};

process.once('message', (orders: Orders) => {
  ATTACKS[orders.attack](orders).finally(() => process.exit(0));
});
process.send?.('ready');
