import { once } from '../../once.ts';
import { formOf, type Needle } from './query.ts';

/** Most characters of a snippet, as JavaScript counts them. */
export const SNIPPET_CHARACTERS = 200;
/** Characters before the first match. */
const BEFORE = 60;
/** Looked at before and after a snippet. A match, which has at most a third of this, may reach beyond it. */
const MARGIN = 800;
/** Looked at around a snippet to find whole graphemes. */
const GRAPHEME = 100;
/** Characters that are brought into the form of the comparison at a time. */
const PORTION = 512;

export type Span = [start: number, end: number];

export interface Snippet {
  snippet: string;
  /** Where the matches are in the snippet, in order. */
  matches: Span[];
}

/** Each character of such a text is a grapheme. */
const SIMPLE = /^[\n -~\u3001-\u3029\u4e00-\u9fff\uff01-\uff5e]*$/;

const graphemes = once(() => new Intl.Segmenter(undefined, { granularity: 'grapheme' }));

/** What joins the character before it. Two texts that are cut before another one have the form of the whole. */
const JOINS = /^[\p{M}\u1160-\u11ff\u{16d63}-\u{16d6a}\udc00-\udfff]/u;

const isBorder = (text: string, at: number) => at <= 0 || !JOINS.test(text.slice(at, at + 2));

/** @returns the first place at or after `at` where a text may be cut */
function borderFrom(text: string, at: number): number {
  let border = Math.min(Math.max(0, at), text.length);
  while (!isBorder(text, border)) border++;
  return border;
}

/** @returns a place between two borders where a text may be cut; undefined: there is none */
function borderBetween(text: string, [from, to]: Span): number | undefined {
  const middle = (from + to) >> 1;
  const after = borderFrom(text, middle);
  if (after > from && after < to) return after;
  let before = middle;
  while (before > from && !isBorder(text, before)) before--;
  return before > from ? before : undefined;
}

/** Whether each character of a text has its place in the form. Lower case is never shorter than the text. */
const isInPlace = (text: string, form: string) =>
  form.length === text.length && (form === text || form === text.toLowerCase());

/** Some characters of the form, and the part of the text that they come from. */
interface Piece {
  /** The place of the first one in the form. */
  at: number;
  from: number;
  to: number;
  /** Whether each character has its place in the text. Otherwise they are one character with what joins it. */
  inPlace: boolean;
}

/** A part of a text in the form of the comparison, which leads back to the text. */
class Mapped {
  readonly #text: string;
  readonly #exact: boolean;
  #form = '';
  readonly #pieces: Piece[] = [];

  /** @param from and `to`: borders */
  constructor(text: string, [from, to]: Span, exact: boolean) {
    this.#text = text;
    this.#exact = exact;
    this.#add(from, to);
  }

  #add(from: number, to: number): void {
    const part = this.#text.slice(from, to);
    const form = formOf(part, this.#exact);
    const inPlace = isInPlace(part, form);
    const middle = inPlace ? undefined : borderBetween(this.#text, [from, to]);
    if (middle !== undefined) {
      this.#add(from, middle);
      this.#add(middle, to);
      return;
    }
    this.#pieces.push({ at: this.#form.length, from, to, inPlace });
    this.#form += form;
  }

  /** @returns where the cluster of a character of the form starts and ends in the text */
  #clusterOf(at: number): Span {
    const piece = this.#pieces.findLast((one) => one.at <= at);
    if (!piece) return [0, 0];
    const start = piece.from + at - piece.at;
    return piece.inPlace ? [start, start + 1] : [piece.from, piece.to];
  }

  *spansOf(needle: string): Generator<Span> {
    const form = this.#form;
    for (let at = form.indexOf(needle); at >= 0; at = form.indexOf(needle, at + needle.length)) {
      yield [this.#clusterOf(at)[0], this.#clusterOf(at + needle.length - 1)[1]];
    }
  }
}

/** @returns where the first match begins in the text */
function findFirst(text: string, { form: needle, exact }: Needle): number {
  const at = formOf(text, exact).indexOf(needle);
  let passed = 0;
  for (let from = 0; from < text.length; ) {
    const to = borderFrom(text, from + PORTION);
    passed += formOf(text.slice(from, to), exact).length;
    if (passed > at) {
      const [span] = new Mapped(text, [from, borderFrom(text, to + MARGIN)], exact).spansOf(needle);
      return span?.[0] ?? from;
    }
    from = to;
  }
  return 0;
}

/** Merges spans that touch or overlap. */
function merge(spans: Span[]): Span[] {
  const merged: Span[] = [];
  for (const [start, end] of spans.toSorted((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
}

const FLAG_LETTER = /^[\u{1f1e6}-\u{1f1ff}]/u;

/** @returns `at`, or the place before it where the flag begins whose second letter is there: two letters are one flag */
function beforeFlag(text: string, at: number): number {
  let start = at;
  while (start >= 2 && FLAG_LETTER.test(text.slice(start - 2, start))) start -= 2;
  return (at - start) % 4 === 0 ? at : at - 2;
}

/** @returns the longest part of a text around a place that has whole graphemes and at most `SNIPPET_CHARACTERS` */
function windowAround(text: string, place: number): Span {
  const wanted = Math.max(0, Math.min(place - BEFORE, text.length - SNIPPET_CHARACTERS));
  const from = beforeFlag(text, borderFrom(text, wanted - GRAPHEME));
  const region = text.slice(from, borderFrom(text, wanted + SNIPPET_CHARACTERS + 2 * GRAPHEME));
  if (SIMPLE.test(region)) return [wanted, Math.min(wanted + SNIPPET_CHARACTERS, text.length)];
  const segments = graphemes().segment(region);
  /** The last border between graphemes at or before a place. */
  const borderBefore = (at: number) => from + (segments.containing(at - from)?.index ?? region.length);
  const before = borderBefore(wanted);
  const start = before < wanted ? before + (segments.containing(before - from)?.segment.length ?? 0) : before;
  const end = borderBefore(Math.min(start + SNIPPET_CHARACTERS, from + region.length));
  return [start, Math.max(start, end)];
}

/**
 * Cuts the part of a text around its first match.
 * @param needles all of which the text has; none: the snippet is the beginning of the text
 */
export function snippetOf(text: string, needles: readonly Needle[]): Snippet {
  const [first] = needles;
  const [start, end] = windowAround(text, first ? findFirst(text, first) : 0);
  const around: Span = [borderFrom(text, start - MARGIN), borderFrom(text, end + MARGIN)];
  const spans: Span[] = [];
  const forms = new Map<boolean, Mapped>();
  for (const { form, exact } of needles) {
    const mapped = forms.get(exact) ?? new Mapped(text, around, exact);
    forms.set(exact, mapped);
    for (const [from, to] of mapped.spansOf(form)) {
      if (to > start && from < end) spans.push([Math.max(from, start) - start, Math.min(to, end) - start]);
    }
  }
  // A copy, because a slice would keep the whole text in memory.
  const snippet = Buffer.from(text.slice(start, end), 'utf16le').toString('utf16le');
  return { snippet, matches: merge(spans) };
}
