import { expect } from 'vitest';
import { WebSocket } from 'ws';
import { afterEveryTest } from './after.ts';
import type { AstationKey } from './astation-key.ts';
import { DEADLINE_MS, Inbox, within } from './inbox.ts';

const opened = new Set<WebSocket>();

afterEveryTest(() => {
  for (const socket of opened) socket.terminate();
  opened.clear();
});

export interface SocketOptions {
  headers?: Record<string, string>;
  /** Address of this machine to connect from. */
  from?: string;
}

export interface Closing {
  code: number;
  reason: string;
}

type Frame = Record<string, unknown>;

/** A client's end of one socket. */
export class TestSocket {
  readonly ws: WebSocket;
  readonly #frames = new Inbox<string>();
  readonly #pings = new Inbox<number>();
  readonly #closed: Promise<Closing>;

  constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('message', (data, isBinary) => this.#frames.put(isBinary ? '<binary>' : String(data)));
    ws.on('ping', () => this.#pings.put(Date.now()));
    ws.on('error', () => undefined); // 'close' follows
    this.#closed = new Promise((resolve) => {
      ws.once('close', (code, reason) => {
        this.#frames.end(`the socket was closed with ${code} ${reason}`);
        resolve({ code, reason: String(reason) });
      });
    });
  }

  /** Sends text unchanged, and other values as JSON. */
  send(frame: unknown): void {
    this.ws.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  /** The next text frame, unparsed. */
  nextText(what = 'a frame', ms = DEADLINE_MS): Promise<string> {
    return this.#frames.next(what, ms);
  }

  /** The next frame, parsed. */
  async next(what = 'a frame'): Promise<Frame> {
    return JSON.parse(await this.nextText(what)) as Frame;
  }

  nextPing(): Promise<number> {
    return this.#pings.next('a ping');
  }

  /** The number of received pings that the test has not taken. */
  get pingsWaiting(): number {
    return this.#pings.size;
  }

  /** Takes all received frames without waiting. */
  takeWaiting(): string[] {
    return this.#frames.takeAll();
  }

  /** Resolves when the socket has ended. */
  closed(ms = DEADLINE_MS): Promise<Closing> {
    return within(this.#closed, () => 'the socket to be closed', ms);
  }

  /** Closes the socket, and waits for the other side to close. */
  async leave(): Promise<void> {
    this.ws.close();
    await this.closed();
  }
}

/** The relay's answer to a refused upgrade. */
export interface Refused {
  status: number;
  body: { error: string; code: string };
  retryAfter: string | undefined;
  contentType: string | undefined;
}

function dial(url: string, { headers = {}, from }: SocketOptions): WebSocket {
  const ws = new WebSocket(url.replace(/^http/, 'ws'), {
    headers,
    perMessageDeflate: false,
    ...(from === undefined ? {} : { localAddress: from }),
  });
  opened.add(ws);
  ws.once('close', () => opened.delete(ws));
  return ws;
}

/** Opens a socket, or returns the refusal. */
export function connect(url: string, options: SocketOptions = {}): Promise<TestSocket | Refused> {
  const ws = dial(url, options);
  const socket = new TestSocket(ws);
  const outcome = new Promise<TestSocket | Refused>((resolve, reject) => {
    ws.once('open', () => resolve(socket));
    ws.once('error', reject);
    ws.once('unexpected-response', (_request, response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        ws.removeListener('error', reject);
        const text = Buffer.concat(chunks).toString();
        resolve({
          status: response.statusCode ?? 0,
          body: JSON.parse(text),
          retryAfter: response.headers['retry-after'],
          contentType: response.headers['content-type'],
        });
        ws.terminate();
      });
    });
  });
  return within(outcome, () => `an answer to ${url}`);
}

/** Opens a socket. @throws when it is refused */
export async function open(url: string, options: SocketOptions = {}): Promise<TestSocket> {
  const outcome = await connect(url, options);
  if (outcome instanceof TestSocket) return outcome;
  throw new Error(`Refused with ${outcome.status}: ${outcome.body.error}`);
}

/** @returns the refusal of a socket. @throws when it opens */
export async function refused(url: string, options: SocketOptions = {}): Promise<Refused> {
  const outcome = await connect(url, options);
  if (outcome instanceof TestSocket) throw new Error(`${url} was not refused`);
  return outcome;
}

export const wsUrl = (base: string, query: Record<string, string>) =>
  `${base}/ws?${new URLSearchParams(query)}`;

/** A socket of an Astation that has received its challenge. */
export class AstationSocket extends TestSocket {
  challenge = '';
  code = '';

  /** Answers the challenge. @returns the relay's verdict */
  async prove(key: AstationKey): Promise<Frame> {
    this.send(key.answer(this.challenge, this.code));
    return this.next('relayAuthResult');
  }

  /** Sends a control frame. @returns the acknowledgement, which must be the next frame */
  async ask(frame: { type: string; [field: string]: unknown }): Promise<Frame> {
    this.send(frame);
    const ack = await this.next(`the answer to ${frame.type}`);
    expect(ack).toMatchObject({ type: 'relayAck', for: frame.type });
    return ack;
  }

  /** Checks that no frame has arrived: the next one must be the answer to a refused frame. */
  async hearsNothing(): Promise<void> {
    this.send({ type: 'relayNothing' });
    expect(await this.next('the refusal of relayNothing')).toMatchObject({
      type: 'relayAck',
      for: 'relayNothing',
    });
  }
}

/** Opens an Astation's socket and takes its challenge. */
export async function openAstation(
  base: string,
  code: string,
  options: SocketOptions = {},
): Promise<AstationSocket> {
  const plain = await open(wsUrl(base, { role: 'astation', code }), options);
  const socket = Object.setPrototypeOf(plain, AstationSocket.prototype) as AstationSocket;
  socket.code = code;
  const first = await socket.next('relayAuthChallenge');
  expect(first).toEqual({
    type: 'relayAuthChallenge',
    protocol: 'relay-auth-1',
    challenge: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  socket.challenge = String(first.challenge);
  return socket;
}

/** An Astation that has proved its key. */
export async function openVerified(base: string, code: string, key: AstationKey): Promise<AstationSocket> {
  const socket = await openAstation(base, code);
  const result = await socket.prove(key);
  expect(result).toMatchObject({ type: 'relayAuthResult' });
  expect(['registered', 'verified']).toContain(result.status);
  return socket;
}

/** Opens an atem's socket by room code. */
export function openAtem(
  base: string,
  code: string,
  atemId: string,
  options: SocketOptions = {},
): Promise<TestSocket> {
  return open(
    `${base}/ws?role=atem&code=${encodeURIComponent(code)}&atem_id=${encodeURIComponent(atemId)}`,
    options,
  );
}
