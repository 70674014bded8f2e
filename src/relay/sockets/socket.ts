import { randomBytes } from 'node:crypto';
import websocket from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { fingerprint } from '../../access/session-id.ts';
import { badRequest, RelayError } from '../../errors.ts';
import { networkOf } from '../../net/address.ts';
import { type ControlLimits, ControlMeter } from '../frames/control-meter.ts';
import { takeFrames } from '../frames/intake.ts';
import { type FrameLimits, FrameMeter, type MeteredBy } from '../frames/meter.ts';
import { CLOSE, MAX_FRAME_BYTES, PROOF_GRACE_MS } from '../frames/protocol.ts';
import { createChallenge } from '../key-proof.ts';
import { type Admission, type AdmissionDeps, admit } from './admission.ts';
import { type AstationDeps, AstationSession } from './astation-session.ts';
import { rawAtemId, sanitizeAtemId } from './atem-id.ts';

export interface RelaySocketDeps extends AstationDeps, AdmissionDeps {
  limits: { frames: FrameLimits; control: ControlLimits };
  /** Looks up sessions (hashes, hexadecimal), and ends those that may no longer act. */
  checkSessions(idHashes: string[]): Promise<void>;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** What a socket was let in as, between the request and the socket. */
    admission: Admission | null;
  }
}

/** A socket of an Astation on this server. */
interface AstationHere {
  code: string;
  /** Undefined until it has proved one. */
  provedKey: string | undefined;
}

/** A socket that was let in, what it is counted by, and what counts its frames. */
interface Arrived {
  socket: WebSocket;
  request: FastifyRequest;
  by: MeteredBy;
  frames: FrameMeter;
}

/** More fragments than a frame of this size can need from any client that means well. */
const MAX_FRAGMENTS = 1024;

const stopping = () =>
  new RelayError('SERVICE_UNAVAILABLE', 'This server is stopping; connect again.', { retryAfter: 1 });

/** Room codes name a work session; a log needs to tell them apart, not to know them. */
const cut = (code: string) => `${[...code].slice(0, 4).join('')}…`;

/** The WebSocket edge: hands frames of whom `admission.ts` let in to the hub, and tells it when a socket went. */
export class RelaySockets {
  readonly #deps: RelaySocketDeps;
  readonly #bySession = new Map<string, Set<string>>();
  /** Sockets of Astations that are here, by connection id. */
  readonly #astations = new Map<string, AstationHere>();
  readonly #open = { atem: 0, astation: 0 };
  #draining = false;

  constructor(deps: RelaySocketDeps) {
    this.#deps = deps;
    deps.sessions.onEnded((idHash) => this.#closeSocketsOf(idHash));
  }

  /** Mounts `GET /ws` in this scope. */
  async mount(app: FastifyInstance): Promise<void> {
    app.decorateRequest('admission', null);
    await app.register(websocket, {
      options: { maxPayload: MAX_FRAME_BYTES, maxFragments: MAX_FRAGMENTS, perMessageDeflate: false },
      preClose: (done) => {
        this.drain();
        done();
      },
      // `ws` has closed the socket with the fitting code; there is nothing left to do for it.
      errorHandler: (error, _socket, request) => request.log.debug({ reason: error.message }, 'Socket error'),
    });
    app.route({
      method: 'GET',
      url: '/ws',
      config: { loggable: new Map([['role', /^(atem|astation)$/]]) },
      onRequest: async (request) => {
        if (this.#draining) throw stopping();
        request.admission = await admit(this.#deps, request);
      },
      handler: async () => {
        throw badRequest('This address speaks WebSocket; connect with ws:// or wss://.');
      },
      wsHandler: (socket, request) => this.#arrived(socket, request),
    });
  }

  /** How many sockets of each role are open on this server. */
  counts(): { atem: number; astation: number } {
    return { ...this.#open };
  }

  /** Refuses new sockets and closes all with 1012. */
  drain(): void {
    this.#draining = true;
    this.#deps.connections.drain();
  }

  #closeSocketsOf(idHash: string): void {
    for (const id of this.#bySession.get(idHash) ?? []) {
      this.#deps.connections.close(id, CLOSE.POLICY, 'this session has ended');
    }
  }

  /** Ends what should have ended while nothing could be heard of it. */
  async catchUp(): Promise<void> {
    const { astations, hub } = this.#deps;
    // Those that are here now: a key that is registered while the answer is on its way is in force already.
    const here = [...this.#astations.values()].map((astation) => ({ ...astation }));
    const banned = await astations.load();
    const registered = await astations.findKeys([...new Set(here.map(({ code }) => code))]);
    for (const { code: astationId, provedKey } of here) {
      const key = registered.get(astationId);
      const isBanned = banned.has(astationId);
      if (provedKey !== undefined && (isBanned || provedKey !== key))
        hub.heard({ type: 'key-forgotten', astationId });
      if (provedKey === undefined && (isBanned || key !== undefined))
        hub.heard({ type: 'key-registered', astationId });
    }
  }

  /** Sessions that sockets came in by, as hexadecimal hashes. */
  sessions(): string[] {
    return [...this.#bySession.keys()];
  }

  #arrived(socket: WebSocket, request: FastifyRequest): void {
    const { admission } = request;
    if (!admission) throw new Error('A socket came past its admission');
    const { rooms, connections, limits } = this.#deps;
    const connectionId = rooms.newConnectionId();
    const by = { connectionId, address: networkOf(request.address), code: admission.code };
    const proved = admission.role === 'atem' && admission.sessionHash !== undefined;
    const frames = new FrameMeter(limits.frames, by, { proved });
    connections.add(connectionId, { socket, address: by.address, onClosing: () => frames.end() });
    // It was let in before the stop began, and arrives after every other socket was closed.
    if (this.#draining) {
      this.drain();
      return;
    }
    this.#count(admission.role, socket);
    const line = { role: admission.role, room: cut(admission.code), connection: connectionId };
    request.log.info(line, 'Socket opened');
    socket.once('close', (code) => request.log.info({ ...line, code }, 'Socket closed'));
    const arrived = { socket, request, by, frames };
    if (admission.role === 'astation') this.#serveAstation(arrived, admission.keyRegistered);
    else this.#serveAtem(arrived, admission.sessionHash);
  }

  #count(role: Admission['role'], socket: WebSocket): void {
    this.#open[role]++;
    socket.once('close', () => this.#open[role]--);
  }

  #serveAstation({ socket, request, by, frames }: Arrived, keyRegistered: boolean): void {
    const { hub, connections, limits } = this.#deps;
    const { code, connectionId, address } = by;
    const here: AstationHere = { code, provedKey: undefined };
    const challenge = createChallenge(randomBytes);
    const source = { requestId: request.id, address: request.address };
    const deps = {
      ...this.#deps,
      sessionEnded: (idHash: string) => this.#deps.sessions.ended(idHash),
      control: new ControlMeter(limits.control, by),
      countCopies: async (points: number) => (await frames.takeCopies(points)) ?? true,
      close: (status: number, reason: string) => connections.close(connectionId, status, reason),
      isOpen: () => connections.has(connectionId),
      proved: (publicKey: string) => {
        here.provedKey = publicKey;
        frames.proved();
        connections.spare(connectionId, Number.POSITIVE_INFINITY);
      },
    };
    connections.spare(connectionId, PROOF_GRACE_MS);
    this.#astations.set(connectionId, here);
    socket.once('close', () => this.#astations.delete(connectionId));
    const session = new AstationSession(deps, { code, connectionId, address, challenge, source });
    takeFrames(socket, frames, (text) => session.received(text));
    onGone({ socket, frames }, () => hub.astationLeft(code, connectionId));
    hub.astationArrived({ code, connectionId, address, challenge, keyRegistered });
    if (!keyRegistered) this.#checkKeyAgain(code, request);
  }

  /** A key may have become known, or a ban, while the socket was on its way in; then it does not own the room. */
  #checkKeyAgain(code: string, request: FastifyRequest): void {
    const { astations, hub } = this.#deps;
    Promise.all([astations.findKey(code), astations.isBanned(code)]).then(
      ([key, banned]) => {
        if (key !== undefined || banned) hub.heard({ type: 'key-registered', astationId: code });
      },
      (error: Error) => request.log.debug({ reason: error.message }, 'Could not look for a key again'),
    );
  }

  #serveAtem({ socket, request, by, frames }: Arrived, sessionHash: string | undefined): void {
    const { hub } = this.#deps;
    const { code, connectionId } = by;
    const atemId = sanitizeAtemId(rawAtemId(request.raw.url ?? ''), () => randomBytes(4).toString('hex'));
    if (sessionHash !== undefined) this.#remember(sessionHash, connectionId, socket);
    takeFrames(socket, frames, (text) => hub.atemSent(code, { atemId, connectionId, text }));
    onGone({ socket, frames }, () => hub.atemLeft(code, { atemId, connectionId }));
    const session = sessionHash === undefined ? undefined : fingerprint(sessionHash);
    hub.atemArrived(code, { atemId, connectionId, session });
    // A session may have ended while the socket was on its way in.
    if (sessionHash !== undefined) {
      this.#deps
        .checkSessions([sessionHash])
        .catch((error: Error) =>
          request.log.debug({ reason: error.message }, 'Could not look at a session again'),
        );
    }
  }

  #remember(sessionHash: string, connectionId: string, socket: WebSocket): void {
    const ids = this.#bySession.get(sessionHash) ?? new Set();
    this.#bySession.set(sessionHash, ids.add(connectionId));
    socket.once('close', () => {
      ids.delete(connectionId);
      if (ids.size === 0) this.#bySession.delete(sessionHash);
    });
  }
}

/** Frames that came before the end of a socket, and waited for their turn, are passed on before it leaves its room. */
function onGone({ socket, frames }: Pick<Arrived, 'socket' | 'frames'>, leave: () => void): void {
  socket.once('close', () => {
    frames.leave();
    void frames.idle().then(leave);
  });
}
