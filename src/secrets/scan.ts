import { findAssignments } from './assignments.ts';
import { endsWithChecksum } from './checksums.ts';
import type { Found } from './found.ts';
import { findPasswordsInUrls, findPrivateKeys, placesOf } from './marked.ts';
import { runsOf } from './runs.ts';
import { findTokens } from './tokens.ts';

/** What looks like a secret. It says where and of which kind, and never what it is. */
export interface Secret {
  /** Such as `github-token`. */
  kind: string;
  /** The line of the text, from 1. 0 is a tag. */
  line: number;
  /** The published beginning of its form and `…`, or `…` alone. */
  masked: string;
}

/** The places that one answer shows. */
export const MAX_SECRETS = 20;

/** The form of the ids that this server gives to sessions, and how far into it the digit of its version stands. */
const SESSION_ID =
  /(?<![0-9A-Za-z-])[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(?![0-9A-Za-z-])/iy;
const VERSION = '-4';
const VERSION_AT = 13;

/**
 * @param live places that come before others which overlap them
 * @returns the places in the order of the text, without those that overlap an earlier one
 */
export function inOrder(found: readonly Found[], live: ReadonlySet<Found> = new Set()): Found[] {
  const kept: Found[] = [];
  let last: Found | undefined;
  for (const place of found.toSorted((a, b) => a.at - b.at)) {
    const overlaps = last !== undefined && place.at < last.at + last.value.length;
    if (overlaps && (!live.has(place) || (last && live.has(last)))) continue;
    if (overlaps) kept.pop();
    kept.push(place);
    last = place;
  }
  return kept;
}

/**
 * Finds what looks like a secret, in linear time. Runs in the server and in the browser.
 * @returns the places in the order of the text. None overlaps another.
 */
export function findSecrets(text: string): Found[] {
  const runs = runsOf(text);
  return inOrder([
    ...findPrivateKeys(text),
    ...findTokens(text, runs),
    ...findPasswordsInUrls(text),
    ...findAssignments(text, runs),
  ]);
}

/** @returns the ids in a text that may be those of sessions. Only a look-up tells whether they are. */
export function findSessionIds(text: string): Found[] {
  const found: Found[] = [];
  for (const place of placesOf(text, VERSION)) {
    SESSION_ID.lastIndex = place - VERSION_AT;
    const value = place < VERSION_AT ? undefined : SESSION_ID.exec(text)?.[0];
    if (value !== undefined) found.push({ kind: 'session-id', at: place - VERSION_AT, value, shown: '' });
  }
  return found;
}

/** The other credentials of this server, whatever stands next to them. */
const OWN_FORMS = [
  {
    kind: 'vault-relay-key',
    shown: 'vr_',
    form: /vr_[0-9a-z]{12}_[0-9A-Za-z]{39}/y,
    isValid: (value: string) => endsWithChecksum(value, 0),
  },
  { kind: 'vault-relay-cookie', shown: 'vrp_', form: /vrp_[\w-]{43}/y, isValid: () => true },
];

/**
 * Finds what may be a credential of this server, also inside of other secrets. Only a look-up tells whether it is.
 * @returns the places, of which some may overlap
 */
export function findCredentials(text: string): Found[] {
  const found = findSessionIds(text);
  for (const { kind, shown, form, isValid } of OWN_FORMS) {
    for (const at of placesOf(text, shown)) {
      form.lastIndex = at;
      const value = form.exec(text)?.[0];
      if (value !== undefined && isValid(value)) found.push({ kind, at, value, shown });
    }
  }
  return found;
}

/** Characters of a portion, which takes some milliseconds. */
const PORTION = 65_536;
/** Characters that a portion reads before and behind itself, because a secret may stand at its edge. */
const MARGIN = 8192;

/**
 * Scans a long text in portions, so that its caller can do other work between two of them.
 * @param find one of the functions above, of which each portion yields the places that begin in it
 */
export function* findInPortions(text: string, find: (portion: string) => Found[]): Generator<Found[]> {
  if (text.length <= PORTION + MARGIN) return yield find(text);
  for (let start = 0; start < text.length; start += PORTION) {
    const from = Math.max(0, start - MARGIN);
    const places = find(text.slice(from, start + PORTION + MARGIN));
    yield places
      .map((place) => ({ ...place, at: place.at + from }))
      .filter(({ at }) => at >= start && at < start + PORTION);
  }
}

/** @param found in the order of the text @returns how these places may be shown, at most `MAX_SECRETS` of them */
export function describeSecrets(text: string, found: readonly Found[]): Secret[] {
  let line = 1;
  let counted = 0;
  return found.slice(0, MAX_SECRETS).map(({ kind, at, shown }) => {
    for (let next = text.indexOf('\n', counted); next >= 0 && next < at; next = text.indexOf('\n', counted)) {
      line++;
      counted = next + 1;
    }
    return { kind, line, masked: `${shown}…` };
  });
}
