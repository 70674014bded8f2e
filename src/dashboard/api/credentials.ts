import { tabStorage } from '../ui/storage.ts';

/** What proves who looks: the cookie of a person, the session of an agent, a key, or the operator's token. */
export type Credentials =
  | { kind: 'person' }
  | { kind: 'session'; session: string; clientId: string }
  | { kind: 'key'; key: string }
  | { kind: 'operator'; token: string };

/** The browser sends the cookie, so the page has nothing to keep. It also asks as this before anybody is signed in. */
export const PERSON: Credentials = { kind: 'person' };

const KEY = 'vault-relay.credentials';

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** @returns the credentials of this tab, kept until it is closed */
export function loadCredentials(): Credentials | undefined {
  const kept = (tabStorage.get(KEY) ?? {}) as Record<string, unknown>;
  const { kind, session, clientId, key, token } = kept;
  if (kind === 'session' && isText(session) && isText(clientId)) return { kind, session, clientId };
  if (kind === 'key' && isText(key)) return { kind, key };
  if (kind === 'operator' && isText(token)) return { kind, token };
  return undefined;
}

/** Keeps them for reloads of this tab; undefined forgets them. */
export const saveCredentials = (credentials: Credentials | undefined): void =>
  tabStorage.set(KEY, credentials?.kind === 'person' ? undefined : credentials);

/** The id within a key, which is no secret. */
export const idOfKey = (key: string): string => key.split('_')[1] ?? '';
