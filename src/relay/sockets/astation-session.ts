import type { FastifyBaseLogger } from 'fastify';
import type { Source } from '../../access/source.ts';
import { findRelayError } from '../../errors.ts';
import type { AstationStore, KeyStanding } from '../../session/astation-store.ts';
import type { BindingStore } from '../../session/binding-store.ts';
import {
  type BindingOutcome,
  type BindingRequest,
  carryOutBinding,
  pointsOfRequest,
} from '../frames/binding-request.ts';
import type { ControlMeter } from '../frames/control-meter.ts';
import { FramePasser } from '../frames/passer.ts';
import {
  type AstationFrame,
  ackFrame,
  CLOSE,
  type ControlFrame,
  MAX_UNPROVED_FRAME_BYTES,
  parseAstationFrame,
} from '../frames/protocol.ts';
import { verifyAstationProof } from '../key-proof.ts';
import { astationOf, astationProved, astationRejected, keyForgotten } from '../rooms/identity.ts';
import type { Decide, RoomStore } from '../rooms/store.ts';

type Ack = Parameters<typeof ackFrame>[0];
type RelayAuth = Extract<ControlFrame, { type: 'relayAuth' }>;
type Outcome = Omit<BindingOutcome, 'ended'>;

export interface AstationDeps {
  rooms: RoomStore;
  astations: AstationStore;
  bindings: BindingStore;
  log: FastifyBaseLogger;
}

export interface AstationSessionDeps extends AstationDeps {
  /** Called when a session has lost access. @param idHash hexadecimal */
  sessionEnded(idHash: string): void;
  /** Rate-limits the control frames of this socket. */
  control: ControlMeter;
  /** Counts the copies of a broadcast. @returns true once they may be sent; false if they are refused */
  countCopies(points: number): Promise<boolean>;
  /** Closes this socket. @param code one of `CLOSE` */
  close(code: number, reason: string): void;
  /** Whether this socket is open and this server is not closing it. */
  isOpen(): boolean;
  /** Called when this socket has proved a key: it can no longer be displaced, and gets the limits of proved sockets. */
  proved(publicKey: string): void;
}

/** The socket of an Astation. */
export interface AstationSocket {
  code: string;
  connectionId: string;
  /** The peer's address or network, as used by limits. */
  address: string;
  challenge: string;
  source: Source;
}

/** Why the relay refuses a valid proof. */
const REFUSED_STANDINGS: ReadonlyMap<KeyStanding, string> = new Map([
  ['rejected', 'another key is registered for this Astation'],
  ['banned', 'the operator of this server has banned this Astation'],
  [
    'enrolment closed',
    'this server takes no new Astations; ask its operator to add the public key of this one',
  ],
]);

/** Handles the frames of one Astation's socket, one at a time. */
export class AstationSession {
  readonly #deps: AstationSessionDeps;
  readonly #socket: AstationSocket;
  readonly #code: string;
  readonly #connectionId: string;
  readonly #source: Source;
  /** Handles frames in order of arrival, even while one waits for the database. */
  #queue: Promise<void> = Promise.resolve();
  /** This server verified the proof itself. The right to bind must not depend on the state in Redis alone. */
  #proved = false;
  /** A proof was accepted or rejected. Later proofs are ignored. */
  #judged = false;
  #closed = false;
  readonly #forAtems: FramePasser;

  constructor(deps: AstationSessionDeps, socket: AstationSocket) {
    this.#deps = deps;
    this.#socket = socket;
    this.#code = socket.code;
    this.#connectionId = socket.connectionId;
    this.#source = socket.source;
    this.#forAtems = new FramePasser({ ...deps, ...socket, onError: (error) => this.#log(error) });
  }

  /**
   * Handles a text frame. Resolves when it has been handled or forwarded. Never rejects: failures are answered on the socket
   * or logged.
   */
  received(text: string): Promise<void> {
    this.#queue = this.#queue.then(() => this.#handle(text).catch((error) => this.#log(error)));
    return this.#queue.then(() => this.#forAtems.passed);
  }

  async #handle(text: string): Promise<void> {
    if (this.#closed) return;
    // Checked here and not on arrival, because the previous frame may have been the proof.
    const tooBig = !this.#proved && Buffer.byteLength(text) > MAX_UNPROVED_FRAME_BYTES;
    if (tooBig && !(await this.#ownsRoom())) return this.#refuseSize();
    const frame = parseAstationFrame(text);
    if (frame.kind === 'control' || frame.kind === 'bad-control') {
      if (tooBig) return this.#refuseSize();
      await this.#control(frame);
      return;
    }
    this.#forAtems.pass(frame);
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
    const type = frame.kind === 'bad-control' ? frame.for : frame.frame.type;
    if (type === 'relayAuth' && this.#judged) return;
    if (frame.kind === 'bad-control') {
      if (type === 'relayAuth') await this.#reject(frame.reason);
      else
        this.#answer(await this.#counted({ for: type, points: 1 }, async () => ({ refusal: frame.reason })));
    } else if (frame.frame.type === 'relayAuth') {
      await this.#prove(frame.frame);
    } else {
      const request = frame.frame;
      const asked = { for: request.type, points: pointsOfRequest(request) };
      this.#answer(await this.#counted(asked, () => this.#bind(request)));
    }
  }

  /** Runs `work` if the frame is within the limits. @returns the acknowledgement to send */
  async #counted(asked: { for: string; points: number }, work: () => Promise<Outcome>): Promise<Ack> {
    const makesRows = asked.for === 'relaySessions' || asked.for === 'relayBind';
    try {
      await this.#deps.control.countFrame({ points: asked.points, makesRows });
      const { refusal, ...outcome } = await work();
      return refusal === undefined
        ? { for: asked.for, ok: true, ...outcome }
        : { for: asked.for, ok: false, message: refusal };
    } catch (error) {
      return { for: asked.for, ok: false, message: this.#explain(error) };
    }
  }

  async #reject(message: string): Promise<void> {
    this.#judged = true;
    const connectionId = this.#connectionId;
    await this.#update(({ room, now }) =>
      astationRejected(room, { connectionId, message, now, isOpen: this.#deps.isOpen() }),
    );
  }

  async #update(decide: Decide): Promise<void> {
    await this.#deps.rooms.update(this.#code, decide);
  }

  async #prove({ astation_id, public_key, signature }: RelayAuth): Promise<void> {
    const connectionId = this.#connectionId;
    const { room, now } = await this.#deps.rooms.look(this.#code);
    const astation = astationOf(room, connectionId);
    // Newer sockets may have displaced this one. It may still prove its key while it is open.
    if (!astation && !this.#deps.isOpen()) return;
    if (astation_id !== this.#code) return this.#reject('astation_id is not the code of this room');
    if (astation && now >= astation.challengeExpiresAt) {
      return this.#reject('the challenge was not answered in time');
    }
    const verdict = verifyAstationProof({
      challenge: this.#socket.challenge,
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
    const refusal = REFUSED_STANDINGS.get(standing);
    if (refusal !== undefined) return this.#reject(refusal);
    this.#proved = true;
    this.#judged = true;
    this.#deps.proved(verdict.publicKey);
    this.#deps.control.proved();
    const status = standing as 'registered' | 'verified';
    if (status === 'registered') {
      const { requestId: reqId, address } = this.#source;
      this.#deps.log.info({ reqId, address, connection: connectionId }, 'Registered the key of an Astation');
    }
    await this.#update((seen) => {
      const displaced = this.#deps.isOpen() ? this.#socket : undefined;
      return astationProved(seen.room, { connectionId, status, now: seen.now, displaced });
    });
    // The key may have been removed, and the announcement applied, before this socket owned the room.
    if (await this.#deps.astations.stillHas(this.#code, verdict.publicKey)) return;
    await this.#update((seen) => keyForgotten(seen.room, seen.now));
  }

  async #bind(request: BindingRequest): Promise<Outcome> {
    const { rooms, bindings, control, sessionEnded } = this.#deps;
    const { room } = await rooms.look(this.#code);
    if (!this.#proved || astationOf(room, this.#connectionId)?.standing !== 'verified') {
      return { refusal: 'this connection has not proved the key of its Astation' };
    }
    const from = { ...this.#source, countRows: (rows: number) => control.countRows(rows) };
    const by = { astationId: this.#code, from };
    const { ended, ...outcome } = await carryOutBinding(bindings, by, request);
    // Ended here too, because the announcement may arrive after the acknowledgement has been sent.
    for (const idHash of ended) sessionEnded(idHash);
    return outcome;
  }

  #explain(error: unknown): string {
    const meant = findRelayError(error);
    if (meant) return meant.message;
    this.#log(error);
    return 'something went wrong on the server';
  }

  /** Logs a RelayError at debug level only, because it is an expected refusal or outage. */
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
