import type { FastifyBaseLogger } from 'fastify';
import { findRelayError } from '../errors.ts';
import type { AstationStore, KeyStanding } from '../session/astation-store.ts';
import type { BindingStore } from '../session/binding-store.ts';
import type { Source } from '../session/source.ts';
import type { Delivery } from './delivery.ts';
import type { Hub } from './hub.ts';
import { verifyAstationProof } from './identity.ts';
import { ackFrame, type ControlFrame, parseAstationFrame } from './protocol.ts';
import { astationOf, astationProved, astationRejected } from './room-identity.ts';
import { routeFromAstation } from './room-routing.ts';

type Ack = Parameters<typeof ackFrame>[0];
type RelayAuth = Extract<ControlFrame, { type: 'relayAuth' }>;

export interface AstationDeps {
  hub: Hub;
  delivery: Delivery;
  astations: AstationStore;
  bindings: BindingStore;
  log: FastifyBaseLogger;
}

export interface AstationSessionDeps extends AstationDeps {
  /** Hears that a session may no longer act. @param idHash hexadecimal */
  sessionEnded(idHash: string): void;
}

/** What one Astation's socket asks for, one frame after the other. */
export class AstationSession {
  readonly #deps: AstationSessionDeps;
  readonly #code: string;
  readonly #connectionId: string;
  readonly #source: Source;
  /** Frames are handled in the order they came, also where one waits for the database. */
  #queue: Promise<void> = Promise.resolve();

  constructor(
    deps: AstationSessionDeps,
    { code, connectionId, source }: { code: string; connectionId: string; source: Source },
  ) {
    this.#deps = deps;
    this.#code = code;
    this.#connectionId = connectionId;
    this.#source = source;
  }

  /** Takes a text frame. Resolves when it was handled; what fails is answered on the socket or logged. */
  received(text: string): Promise<void> {
    this.#queue = this.#queue.then(() =>
      this.#handle(text).catch((error: Error) => {
        this.#deps.log.error(
          { connection: this.#connectionId, reason: error.message },
          'An Astation frame failed',
        );
      }),
    );
    return this.#queue;
  }

  async #handle(text: string): Promise<void> {
    const frame = parseAstationFrame(text);
    if (frame.kind === 'bad-control') {
      if (frame.for === 'relayAuth') this.#reject(frame.reason);
      else this.#answer({ for: frame.for, ok: false, message: frame.reason });
    } else if (frame.kind !== 'control') {
      const { hub } = this.#deps;
      hub.perform(routeFromAstation(hub.room(this.#code), { connectionId: this.#connectionId, frame }));
    } else if (frame.frame.type === 'relayAuth') {
      await this.#prove(frame.frame);
    } else {
      this.#answer(await this.#bind(frame.frame));
    }
  }

  #reject(message: string): void {
    const { hub } = this.#deps;
    const rejection = { connectionId: this.#connectionId, message, now: hub.now };
    hub.apply(this.#code, astationRejected(hub.room(this.#code), rejection));
  }

  async #prove({ astation_id, public_key, signature }: RelayAuth): Promise<void> {
    const { hub, delivery } = this.#deps;
    const astation = astationOf(hub.room(this.#code), this.#connectionId);
    if (!astation || astation.standing === 'verified') return;
    if (astation_id !== this.#code) return this.#reject('astation_id is not the code of this room');
    if (hub.now >= astation.challengeExpiresAt) return this.#reject('the challenge was not answered in time');
    const verdict = verifyAstationProof({
      challenge: astation.challenge,
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
    const proof = { connectionId: this.#connectionId, status: standing, now: hub.now };
    hub.apply(this.#code, astationProved(hub.room(this.#code), proof));
    if (standing === 'registered') delivery.announce({ type: 'key-registered', astationId: this.#code });
  }

  async #bind(frame: Exclude<ControlFrame, RelayAuth>): Promise<Ack> {
    const { hub, bindings } = this.#deps;
    if (astationOf(hub.room(this.#code), this.#connectionId)?.standing !== 'verified') {
      return {
        for: frame.type,
        ok: false,
        message: 'this connection has not proved the key of its Astation',
      };
    }
    try {
      switch (frame.type) {
        case 'relaySessions': {
          const { skipped, dropped } = await bindings.replace(this.#code, frame.sessions, this.#source);
          this.#end(dropped);
          return { for: frame.type, ok: true, skipped };
        }
        case 'relayBind': {
          const bound = await bindings.bind(this.#code, frame.session_id, this.#source);
          return bound
            ? { for: frame.type, ok: true }
            : { for: frame.type, ok: false, message: 'another Astation holds this session, or it has ended' };
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
    this.#deps.log.error(
      { connection: this.#connectionId, reason: String(error) },
      'An Astation frame failed',
    );
    return 'something went wrong on the server';
  }

  #answer(ack: Ack): void {
    this.#deps.delivery.deliver(this.#connectionId, ackFrame(ack));
  }
}
