import type { FastifyBaseLogger } from 'fastify';
import { findRelayError } from '../errors.ts';
import type { AstationStore, KeyStanding } from '../session/astation-store.ts';
import type { BindingStore, BindOutcome } from '../session/binding-store.ts';
import { MAX_BOUND_SESSIONS } from '../session/limits.ts';
import type { Source } from '../session/source.ts';
import type { ControlMeter } from './control-meter.ts';
import type { FrameMeter } from './frame-meter.ts';
import { verifyAstationProof } from './identity.ts';
import {
  type AstationFrame,
  ackFrame,
  CLOSE,
  type ControlFrame,
  isSessionId,
  MAX_UNPROVED_FRAME_BYTES,
  parseAstationFrame,
} from './protocol.ts';
import { astationOf, astationProved, astationRejected } from './room-identity.ts';
import type { Decide, RoomStore } from './room-store.ts';

type Ack = Parameters<typeof ackFrame>[0];
type RelayAuth = Extract<ControlFrame, { type: 'relayAuth' }>;
type Request = Exclude<ControlFrame, RelayAuth>;

export interface AstationDeps {
  rooms: RoomStore;
  astations: AstationStore;
  bindings: BindingStore;
  log: FastifyBaseLogger;
}

export interface AstationSessionDeps extends AstationDeps {
  /** Hears that a session may no longer act. @param idHash hexadecimal */
  sessionEnded(idHash: string): void;
  /** What counts the frames of this socket: those for the relay, and all of them. */
  control: ControlMeter;
  frames: FrameMeter;
  /** Ends this socket. @param code one of `CLOSE` */
  close(code: number, reason: string): void;
}

const NOT_BOUND: Record<Exclude<BindOutcome, 'bound'>, string> = {
  refused: 'another Astation holds this session, or it has ended',
  pending: 'this session is still pending; bind it once it is granted',
  full: `this Astation holds ${MAX_BOUND_SESSIONS} sessions already; unbind one first`,
};

/** Ids of a set that are looked at for one point. */
const IDS_A_POINT = 100;

const pointsOf = (request: Request) =>
  request.type === 'relaySessions' ? 1 + Math.floor(request.sessions.length / IDS_A_POINT) : 1;

/** What one Astation's socket asks for, one frame after the other. */
export class AstationSession {
  readonly #deps: AstationSessionDeps;
  readonly #code: string;
  readonly #connectionId: string;
  readonly #source: Source;
  readonly #challenge: string;
  /** Frames are handled in the order they came, also where one waits for the database. */
  #queue: Promise<void> = Promise.resolve();
  /** Seen by this server itself: what may be bound must not hang on what Redis says. */
  #proved = false;
  #closed = false;
  /** The last frame that was passed on; it is on its way when this resolves, and so is every earlier one. */
  #passed: Promise<void> = Promise.resolve();

  constructor(
    deps: AstationSessionDeps,
    {
      code,
      connectionId,
      challenge,
      source,
    }: { code: string; connectionId: string; challenge: string; source: Source },
  ) {
    this.#deps = deps;
    this.#code = code;
    this.#connectionId = connectionId;
    this.#source = source;
    this.#challenge = challenge;
  }

  /**
   * Takes a text frame. Resolves when it was handled, or is on its way; what fails is answered on the socket
   * or logged.
   */
  received(text: string): Promise<void> {
    this.#queue = this.#queue.then(() => this.#handle(text).catch((error) => this.#log(error)));
    return this.#queue.then(() => this.#passed);
  }

  async #handle(text: string): Promise<void> {
    if (this.#closed) return;
    // Looked at now and not as it came, because the frame before it may have been the proof.
    const tooBig = !this.#proved && Buffer.byteLength(text) > MAX_UNPROVED_FRAME_BYTES;
    if (tooBig && !(await this.#ownsRoom())) return this.#refuseSize();
    const frame = parseAstationFrame(text);
    if (frame.kind === 'control' || frame.kind === 'bad-control') {
      if (tooBig) return this.#refuseSize();
      await this.#control(frame);
      return;
    }
    const sent = { connectionId: this.#connectionId, frame };
    this.#passed = this.#deps.rooms.astationSent(this.#code, sent).catch((error) => this.#log(error));
  }

  async #ownsRoom(): Promise<boolean> {
    const { room } = await this.#deps.rooms.look(this.#code);
    return room?.owner?.connectionId === this.#connectionId;
  }

  #refuseSize(): void {
    this.#closed = true;
    const reason = `a frame may have ${MAX_UNPROVED_FRAME_BYTES} bytes until the key is proved`;
    this.#deps.close(CLOSE.TOO_BIG, reason);
  }

  async #control(frame: Extract<AstationFrame, { kind: 'control' | 'bad-control' }>): Promise<void> {
    if (frame.kind === 'bad-control') {
      if (frame.for === 'relayAuth') await this.#reject(frame.reason);
      else this.#answer(await this.#counted({ for: frame.for, points: 1 }, async () => frame.reason));
    } else if (frame.frame.type === 'relayAuth') {
      await this.#prove(frame.frame);
    } else {
      const request = frame.frame;
      const asked = { for: request.type, points: pointsOf(request) };
      this.#answer(await this.#counted(asked, () => this.#bind(request)));
    }
  }

  /** Does what a frame asks for, if it is within the limits. @param work answers why it was not done, or how it was */
  async #counted(
    asked: { for: string; points: number },
    work: () => Promise<string | { skipped?: number }>,
  ): Promise<Ack> {
    const makesRows = asked.for === 'relaySessions' || asked.for === 'relayBind';
    try {
      await this.#deps.control.countFrame({ points: asked.points, makesRows });
      const outcome = await work();
      return typeof outcome === 'string'
        ? { for: asked.for, ok: false, message: outcome }
        : { for: asked.for, ok: true, ...outcome };
    } catch (error) {
      return { for: asked.for, ok: false, message: this.#explain(error) };
    }
  }

  async #reject(message: string): Promise<void> {
    const connectionId = this.#connectionId;
    await this.#update(({ room, now }) => astationRejected(room, { connectionId, message, now }));
  }

  async #update(decide: Decide): Promise<void> {
    await this.#deps.rooms.update(this.#code, decide);
  }

  async #prove({ astation_id, public_key, signature }: RelayAuth): Promise<void> {
    const connectionId = this.#connectionId;
    const { room, now } = await this.#deps.rooms.look(this.#code);
    const astation = astationOf(room, connectionId);
    if (!astation || astation.standing === 'verified') return;
    if (astation_id !== this.#code) return this.#reject('astation_id is not the code of this room');
    if (now >= astation.challengeExpiresAt) return this.#reject('the challenge was not answered in time');
    const verdict = verifyAstationProof({
      challenge: this.#challenge,
      astationId: astation_id,
      publicKeyHex: public_key,
      signatureHex: signature,
    });
    if (!verdict.ok) return this.#reject(verdict.reason);
    let standing: KeyStanding;
    try {
      standing = await this.#deps.astations.registerOrVerify(this.#code, verdict.publicKey);
    } catch (error) {
      return this.#reject(this.#explain(error));
    }
    if (standing === 'rejected') return this.#reject('another key is registered for this Astation');
    this.#proved = true;
    this.#deps.control.proved();
    this.#deps.frames.proved();
    const status = standing;
    if (status === 'registered') {
      const { requestId: reqId, address } = this.#source;
      this.#deps.log.info({ reqId, address, connection: connectionId }, 'Registered the key of an Astation');
    }
    await this.#update((seen) => astationProved(seen.room, { connectionId, status, now: seen.now }));
  }

  async #bind(request: Request): Promise<string | { skipped?: number }> {
    const { rooms, bindings, control } = this.#deps;
    const { room } = await rooms.look(this.#code);
    if (!this.#proved || astationOf(room, this.#connectionId)?.standing !== 'verified') {
      return 'this connection has not proved the key of its Astation';
    }
    switch (request.type) {
      case 'relaySessions': {
        const ids = request.sessions.filter(isSessionId);
        const from = { ...this.#source, countRows: (rows: number) => control.countRows(rows) };
        const { skipped, dropped } = await bindings.replace(this.#code, ids, from);
        this.#end(dropped);
        return { skipped: skipped + request.sessions.length - ids.length };
      }
      case 'relayBind': {
        const outcome = await bindings.bind(this.#code, request.session_id, this.#source);
        return outcome === 'bound' ? {} : NOT_BOUND[outcome];
      }
      case 'relayUnbind':
        this.#end(await bindings.unbind(this.#code, request.session_id, this.#source));
        return {};
    }
  }

  /** The announcement may reach this server later than the acknowledgement reaches its sender. */
  #end(idHashes: string[]): void {
    for (const idHash of idHashes) this.#deps.sessionEnded(idHash);
  }

  #explain(error: unknown): string {
    const meant = findRelayError(error);
    if (meant) return meant.message;
    this.#log(error);
    return 'something went wrong on the server';
  }

  /** What was meant is no fault: rooms that cannot be reached end their sockets by themselves. */
  #log(error: unknown): void {
    const level = findRelayError(error) ? 'debug' : 'error';
    this.#deps.log[level](
      { connection: this.#connectionId, reason: String(error) },
      'An Astation frame failed',
    );
  }

  #answer(ack: Ack): void {
    this.#deps.rooms.send(this.#connectionId, ackFrame(ack));
  }
}
