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
  /** Looks up credentials by hash (hexadecimal) and ends those that have lost access. */
  checkCredentials(idHashes: string[]): Promise<void>;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the request hook, read when the socket opens. */
    admission: Admission | null;
  }
}

/** A socket of an Astation on this server. */
interface AstationHere {
  code: string;
  /** Undefined until the socket has proved a key. */
  provedKey: string | undefined;
}

/** An admitted socket, the keys of its limits, and its frame meter. */
interface Arrived {
  socket: WebSocket;
  request: FastifyRequest;
  by: MeteredBy;
  frames: FrameMeter;
}

/** Maximum fragments of a frame, far above the needs of a well-behaved client. */
const MAX_FRAGMENTS = 1024;

const stopping = () =>
  new RelayError('SERVICE_UNAVAILABLE', 'This server is stopping; connect again.', { retryAfter: 1 });

/** Shortens a room code for logs, because the full code is the id of a work session. */
const cut = (code: string) => `${[...code].slice(0, 4).join('')}…`;

/** The WebSocket edge: forwards frames of admitted sockets to the hub, and notifies it when a socket closes. */
export class RelaySockets {
  readonly #deps: RelaySocketDeps;
  readonly #byCredential = new Map<string, Set<string>>();
  /** Astations' sockets on this server, by connection id. */
  readonly #astations = new Map<string, AstationHere>();
  readonly #open = { atem: 0, astation: 0 };
  #draining = false;

  constructor(deps: RelaySocketDeps) {
    this.#deps = deps;
    deps.credentials.onEnded((idHash) => this.#closeSocketsOf(idHash));
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
      // Only logged, because `ws` has already closed the socket with the correct code.
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
        throw badRequest('This path accepts only WebSockets; connect with ws:// or wss://.');
      },
      wsHandler: (socket, request) => this.#arrived(socket, request),
    });
  }

  /** Open sockets of this server by role. */
  counts(): { atem: number; astation: number } {
    return { ...this.#open };
  }

  /** Refuses new sockets and closes all with 1012. */
  drain(): void {
    this.#draining = true;
    this.#deps.connections.drain();
  }

  #closeSocketsOf(idHash: string): void {
    for (const id of this.#byCredential.get(idHash) ?? []) {
      this.#deps.connections.close(id, CLOSE.POLICY, 'this session has ended');
    }
  }

  /** Applies the key changes and bans that this server missed while it received no announcements. */
  async catchUp(): Promise<void> {
    const { astations, hub } = this.#deps;
    // Copied before the queries, because a key registered while they run has already been applied.
    const here = [...this.#astations.values()].map((astation) => ({ ...astation }));
    const banned = await astations.load();
    const registered = await astations.findKeys([...new Set(here.map(({ code }) => code))]);
    for (const { code: astationId, provedKey } of here) {
      const key = registered.get(astationId);
      const isBanned = banned.has(astationId);
      if (provedKey !== undefined && (isBanned || provedKey !== key))
        hub.apply({ type: 'key-forgotten', astationId });
      if (provedKey === undefined && (isBanned || key !== undefined))
        hub.apply({ type: 'key-registered', astationId });
    }
  }

  /** Hashes (hexadecimal) of the credentials that open sockets connected with. */
  credentials(): string[] {
    return [...this.#byCredential.keys()];
  }

  #arrived(socket: WebSocket, request: FastifyRequest): void {
    const { admission } = request;
    if (!admission) throw new Error('A socket opened without an admission');
    const { rooms, connections, limits } = this.#deps;
    const connectionId = rooms.newConnectionId();
    const by = { connectionId, address: networkOf(request.address), code: admission.code };
    const proved = admission.role === 'atem' && admission.credentialHash !== undefined;
    const frames = new FrameMeter(limits.frames, by, { proved });
    connections.add(connectionId, { socket, address: by.address, onClosing: () => frames.end() });
    // This socket was admitted before the stop began, but opened after the other sockets were closed.
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
    else this.#serveAtem(arrived, admission.credentialHash);
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
      sessionEnded: (idHash: string) => this.#deps.credentials.ended(idHash),
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

  /** Repeats the check of key and ban, because either may have been added between admission and join. */
  #checkKeyAgain(code: string, request: FastifyRequest): void {
    const { astations, hub } = this.#deps;
    Promise.all([astations.findKey(code), astations.isBanned(code)]).then(
      ([key, banned]) => {
        if (key !== undefined || banned) hub.apply({ type: 'key-registered', astationId: code });
      },
      (error: Error) => request.log.debug({ reason: error.message }, 'Could not check the key again'),
    );
  }

  #serveAtem({ socket, request, by, frames }: Arrived, credentialHash: string | undefined): void {
    const { hub } = this.#deps;
    const { code, connectionId } = by;
    const atemId = sanitizeAtemId(rawAtemId(request.raw.url ?? ''), () => randomBytes(4).toString('hex'));
    if (credentialHash !== undefined) this.#remember(credentialHash, connectionId, socket);
    takeFrames(socket, frames, (text) => hub.atemSent(code, { atemId, connectionId, text }));
    onGone({ socket, frames }, () => hub.atemLeft(code, { atemId, connectionId }));
    const session = credentialHash === undefined ? undefined : fingerprint(credentialHash);
    hub.atemArrived(code, { atemId, connectionId, session });
    // The credential may have ended between admission and join.
    if (credentialHash !== undefined) {
      this.#deps
        .checkCredentials([credentialHash])
        .catch((error: Error) =>
          request.log.debug({ reason: error.message }, 'Could not check the credential again'),
        );
    }
  }

  #remember(credentialHash: string, connectionId: string, socket: WebSocket): void {
    const ids = this.#byCredential.get(credentialHash) ?? new Set();
    this.#byCredential.set(credentialHash, ids.add(connectionId));
    socket.once('close', () => {
      ids.delete(connectionId);
      if (ids.size === 0) this.#byCredential.delete(credentialHash);
    });
  }
}

/** Calls `leave` after the socket has closed and its pending frames have been forwarded. */
function onGone({ socket, frames }: Pick<Arrived, 'socket' | 'frames'>, leave: () => void): void {
  socket.once('close', () => {
    frames.leave();
    void frames.idle().then(leave);
  });
}
