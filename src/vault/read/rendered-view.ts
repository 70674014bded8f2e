import type { Portion } from './portions.ts';

/** The beginning of an entry. No text inside an entry contains it, because JSON escapes quotes there. */
const BEGIN = '{"seq":';

/** A part of a body that is replaced. */
interface Cut {
  from: number;
  to: number;
  json: string;
}

/** Where the entry of this number is in the body, or belongs: an entry that is not there is new, so it has the highest number. */
function findCut(body: Buffer, entryNo: number, json: string): Cut {
  const last = body.length - 1;
  const at = body.indexOf(`,"entry_no":${entryNo},`);
  if (at === -1) return { from: last, to: last, json: `,${json}` };
  const next = body.indexOf(BEGIN, at);
  return { from: body.lastIndexOf(BEGIN, at), to: next === -1 ? last : next - 1, json };
}

function countEntries(body: Buffer): number {
  let count = 0;
  for (let at = body.indexOf(BEGIN); at !== -1; at = body.indexOf(BEGIN, at + 1)) count++;
  return count;
}

/**
 * The rendered current view of a vault at one of its heads. It is the same for every reader, so it says nothing about one.
 * Its text is kept as bytes: a socket takes these without encoding them again, and they are outside of the heap.
 */
export class RenderedView implements Portion<number> {
  readonly rows = 0;
  readonly next = null;
  readonly more = false;
  readonly body: Buffer;
  readonly bytes: number;
  readonly entries: number;

  private constructor(body: Buffer) {
    this.body = body;
    this.bytes = body.length - 2;
    this.entries = countEntries(body);
  }

  /** @param json the entries as JSON texts with commas between them */
  static of(json: string): RenderedView {
    // A slice of Node's shared buffer would keep all of that buffer in memory.
    const body = Buffer.allocUnsafeSlow(Buffer.byteLength(json) + 2);
    body.write(`[${json}]`);
    return new RenderedView(body);
  }

  get json(): string {
    return this.body.toString('utf8', 1, this.body.length - 1);
  }

  /** @param entries new versions of entries by number, and new entries in their order @returns the view with them */
  with(entries: ReadonlyMap<number, string>): RenderedView {
    if (this.entries === 0) return RenderedView.of([...entries.values()].join());
    const cuts = [...entries].map(([entryNo, json]) => findCut(this.body, entryNo, json));
    // New entries have the same place, and stay in their order.
    cuts.sort((a, b) => a.from - b.from);
    const size = cuts.reduce((sum, { from, to, json }) => sum + Buffer.byteLength(json) - (to - from), 0);
    const body = Buffer.allocUnsafeSlow(this.body.length + size);
    let [read, written] = [0, 0];
    for (const { from, to, json } of cuts) {
      written += this.body.copy(body, written, read, from);
      written += body.write(json, written);
      read = to;
    }
    this.body.copy(body, written, read);
    return new RenderedView(body);
  }
}
