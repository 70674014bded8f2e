import type { AstationSent, RoomStore } from '../rooms/store.ts';
import { pointsOfBroadcast } from './meter.ts';
import type { AstationFrame } from './protocol.ts';

export interface FramePasserParts {
  rooms: Pick<RoomStore, 'astationSent'>;
  code: string;
  connectionId: string;
  /** Counts the copies of a broadcast. @returns true once they may be sent; false if they are refused */
  countCopies(points: number): Promise<boolean>;
  /** Called with the error of a frame that could not be forwarded. */
  onError(error: unknown): void;
}

/** Forwards the frames of one Astation to atems and keeps their order. */
export class FramePasser {
  readonly #parts: FramePasserParts;
  /** Resolves when the last frame and every earlier one have been forwarded. */
  #passed: Promise<void> = Promise.resolve();
  /** The last broadcast, until it has been forwarded. */
  #broadcasting: Promise<void> | undefined;
  /** How many atems received the last broadcast. */
  #atems = 1;

  constructor(parts: FramePasserParts) {
    this.#parts = parts;
  }

  /** Resolves when every frame so far has been forwarded. */
  get passed(): Promise<void> {
    return this.#passed;
  }

  /** Forwards a frame. Later frames wait until the copies of a broadcast have been counted. */
  pass(frame: AstationFrame): void {
    const { rooms, code, connectionId, onError } = this.#parts;
    const sent = { connectionId, frame, mostRecipients: 1 };
    const begin = async () => {
      if (frame.kind === 'broadcast') await this.#broadcast(sent, Buffer.byteLength(frame.text));
      else await rooms.astationSent(code, sent);
    };
    const passed = (this.#broadcasting ? this.#broadcasting.then(begin) : begin()).catch(onError);
    this.#passed = passed;
    if (frame.kind !== 'broadcast') return;
    this.#broadcasting = passed;
    void passed.then(() => {
      if (this.#broadcasting === passed) this.#broadcasting = undefined;
    });
  }

  /** Forwards a broadcast after its copies for every current atem have been counted. */
  async #broadcast(sent: AstationSent, bytes: number): Promise<void> {
    const { rooms, code, countCopies } = this.#parts;
    let counted = 1;
    let atems = this.#atems;
    for (;;) {
      if (atems > counted) {
        const copies = pointsOfBroadcast(bytes, atems) - pointsOfBroadcast(bytes, counted);
        if (!(await countCopies(copies))) return;
        counted = atems;
      }
      atems = await rooms.astationSent(code, { ...sent, mostRecipients: counted });
      this.#atems = atems;
      if (atems <= counted) return;
    }
  }
}
