import { SharedState, useShared } from '../shared-state.ts';
import { tabStorage } from './storage.ts';

const PREFIX = 'vault-relay.draft.';

interface Drafts {
  /** Whose drafts are read and written: another person in the same tab does not see them. */
  owner: string;
  /** Cached drafts. An unchanged draft keeps its identity, so that components can compare it. */
  read: Map<string, unknown>;
}

const drafts = new SharedState<Drafts>({ owner: '', read: new Map() });

const nameOf = (place: string): string =>
  `${PREFIX}${encodeURIComponent(drafts.value.owner).replaceAll('.', '%2E')}.${place}`;

/** Sets the owner of the drafts by client id. @returns whether the owner has changed */
export function setDraftOwner(clientId: string): boolean {
  const isAnother = drafts.value.owner !== clientId;
  drafts.set({ ...drafts.value, owner: clientId });
  return isAnother;
}

/** @returns what is kept in this tab for a place; undefined: nothing */
export const loadDraft = <T>(place: string): T | undefined => tabStorage.get(nameOf(place)) as T | undefined;

/** Keeps something in this tab for a place; undefined forgets it. */
export function saveDraft(place: string, draft: unknown): void {
  const read = new Map(drafts.value.read);
  read.delete(nameOf(place));
  tabStorage.set(nameOf(place), draft);
  drafts.set({ ...drafts.value, read });
}

/** Places with a draft of this person that begin with this text, without it. */
function listPlaces(start: string): string[] {
  const prefix = nameOf(start);
  return tabStorage
    .keys()
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length));
}

/** Idempotency keys are stored beside their drafts but are not drafts. */
const isTyped = (place: string): boolean => !place.endsWith('.key');

/** How many drafts of this person are not saved. */
export const countDrafts = (): number => listPlaces('').filter(isTyped).length;

/** Forgets every draft, of whomever. */
export function forgetDrafts(): void {
  for (const name of tabStorage.keys()) if (name.startsWith(PREFIX)) tabStorage.set(name, undefined);
  drafts.set({ ...drafts.value, read: new Map() });
}

function readOnce(place: string): unknown {
  const name = nameOf(place);
  const { read } = drafts.value;
  if (!read.has(name)) read.set(name, loadDraft(place));
  return read.get(name);
}

/**
 * What a person has begun to write, kept in this tab: it outlives a reload, a lost connection, and scrolling away.
 * @param place names where it is written
 */
export function useDraft<T>(place: string): [T | undefined, (draft: T | undefined) => void] {
  const draft = useShared(drafts, () => readOnce(place) as T | undefined);
  return [draft, (next) => saveDraft(place, next)];
}

/** Places with a draft that begin with this text, without it, as one text that changes only when they do. */
export const useDraftPlaces = (start: string): string =>
  useShared(drafts, () => listPlaces(start).filter(isTyped).sort().join(' '));
