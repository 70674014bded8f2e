import { tabStorage } from '../ui/storage.ts';

/** A person's credentials: a session of an Astation, or the operator's token. */
export type Credentials =
  | { kind: 'session'; session: string; clientId: string }
  | { kind: 'operator'; token: string };

const KEY = 'vault-relay.credentials';

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** @returns the credentials of this tab, kept until it is closed */
export function loadCredentials(): Credentials | undefined {
  const { kind, session, clientId, token } = (tabStorage.get(KEY) ?? {}) as Record<string, unknown>;
  if (kind === 'session' && isText(session) && isText(clientId)) return { kind, session, clientId };
  if (kind === 'operator' && isText(token)) return { kind, token };
  return undefined;
}

/** Keeps them for reloads of this tab; undefined forgets them. */
export const saveCredentials = (credentials: Credentials | undefined): void =>
  tabStorage.set(KEY, credentials);
