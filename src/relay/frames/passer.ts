import type { AstationSent, RoomStore } from '../rooms/store.ts';
import { pointsOfBroadcast } from './meter.ts';
import type { AstationFrame } from './protocol.ts';

export interface FramePasserParts {
  rooms: Pick<RoomStore, 'astationSent'>;
  code: string;
  connectionId: string;
  /** Counts the copies of a broadcast. @returns whether they may be made, as soon as they may */
  countCopies(points: number): Promise<boolean>;
  /** Called with the error of a frame that was not passed on. */
  onError(error: unknown): void;
}

/** Passes the frames of one Astation on to atems, in their order. */
export class FramePasser {
  readonly #parts: FramePasserParts;
  /** The last frame; it is on its way when this resolves, and so is every earlier one. */
  #passed: Promise<void> = Promise.resolve();
  /** The last broadcast, until it is on its way. */
  #broadcasting: Promise<void> | undefined;
  /** Atems that got the last broadcast. */
  #atems = 1;

  constructor(parts: FramePasserParts) {
    this.#parts = parts;
  }

  /** Resolves when every frame so far is on its way. */
  get passed(): Promise<void> {
    return this.#passed;
  }

  /** Takes a frame. A broadcast whose copies are yet to be counted holds up the frames behind it. */
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

  /** Passes a broadcast on once it is counted for every atem that is there at that moment. */
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
