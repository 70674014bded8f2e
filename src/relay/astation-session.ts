import type { FastifyBaseLogger } from 'fastify';
import { findRelayError } from '../errors.ts';
import type { AstationStore, KeyStanding } from '../session/astation-store.ts';
import type { BindingStore, BindOutcome } from '../session/binding-store.ts';
import { MAX_BOUND_SESSIONS } from '../session/limits.ts';
import type { Source } from '../session/source.ts';
import { verifyAstationProof } from './identity.ts';
import { ackFrame, type ControlFrame, isSessionId, parseAstationFrame } from './protocol.ts';
import { astationOf, astationProved, astationRejected } from './room-identity.ts';
import type { Decide, RoomStore } from './room-store.ts';

type Ack = Parameters<typeof ackFrame>[0];
type RelayAuth = Extract<ControlFrame, { type: 'relayAuth' }>;

export interface AstationDeps {
  rooms: RoomStore;
  astations: AstationStore;
  bindings: BindingStore;
  log: FastifyBaseLogger;
}

export interface AstationSessionDeps extends AstationDeps {
  /** Hears that a session may no longer act. @param idHash hexadecimal */
  sessionEnded(idHash: string): void;
}

const NOT_BOUND: Record<Exclude<BindOutcome, 'bound'>, string> = {
  refused: 'another Astation holds this session, or it has ended',
  pending: 'this session is still pending; bind it once it is granted',
  full: `this Astation holds ${MAX_BOUND_SESSIONS} sessions already; unbind one first`,
};

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
    const frame = parseAstationFrame(text);
    if (frame.kind === 'bad-control') {
      if (frame.for === 'relayAuth') await this.#reject(frame.reason);
      else this.#answer({ for: frame.for, ok: false, message: frame.reason });
    } else if (frame.kind !== 'control') {
      const sent = { connectionId: this.#connectionId, frame };
      this.#passed = this.#deps.rooms.astationSent(this.#code, sent).catch((error) => this.#log(error));
    } else if (frame.frame.type === 'relayAuth') {
      await this.#prove(frame.frame);
    } else {
      this.#answer(await this.#bind(frame.frame));
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
      standing = await this.#deps.astations.registerOrVerify(this.#code, verdict.publicKey, this.#source);
    } catch (error) {
      return this.#reject(this.#explain(error));
    }
    if (standing === 'rejected') return this.#reject('another key is registered for this Astation');
    this.#proved = true;
    const status = standing;
    await this.#update((seen) => astationProved(seen.room, { connectionId, status, now: seen.now }));
  }

  async #bind(frame: Exclude<ControlFrame, RelayAuth>): Promise<Ack> {
    const { rooms, bindings } = this.#deps;
    const { room } = await rooms.look(this.#code);
    if (!this.#proved || astationOf(room, this.#connectionId)?.standing !== 'verified') {
      return {
        for: frame.type,
        ok: false,
        message: 'this connection has not proved the key of its Astation',
      };
    }
    try {
      switch (frame.type) {
        case 'relaySessions': {
          const ids = frame.sessions.filter(isSessionId);
          const { skipped, dropped } = await bindings.replace(this.#code, ids, this.#source);
          this.#end(dropped);
          return { for: frame.type, ok: true, skipped: skipped + frame.sessions.length - ids.length };
        }
        case 'relayBind': {
          const outcome = await bindings.bind(this.#code, frame.session_id, this.#source);
          if (outcome === 'bound') return { for: frame.type, ok: true };
          return { for: frame.type, ok: false, message: NOT_BOUND[outcome] };
        }
        case 'relayUnbind':
          this.#end(await bindings.unbind(this.#code, frame.session_id, this.#source));
          return { for: frame.type, ok: true };
      }
    } catch (error) {
      return { for: frame.type, ok: false, message: this.#explain(error) };
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
