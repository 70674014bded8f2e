/** How a person proves who they are: by a session of an Astation, or by the operator's token. */
export type Credentials =
  | { kind: 'session'; session: string; clientId: string }
  | { kind: 'operator'; token: string };

const KEY = 'vault-relay.credentials';

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

function parse(kept: unknown): Credentials | undefined {
  const { kind, session, clientId, token } = (kept ?? {}) as Record<string, unknown>;
  if (kind === 'session' && isText(session) && isText(clientId)) return { kind, session, clientId };
  if (kind === 'operator' && isText(token)) return { kind, token };
  return undefined;
}

/** @returns what this tab was signed in with, as long as it is open */
export function loadCredentials(): Credentials | undefined {
  try {
    return parse(JSON.parse(sessionStorage.getItem(KEY) ?? 'null'));
  } catch {
    return undefined;
  }
}

/** Keeps them for reloads of this tab; undefined forgets them. */
export function saveCredentials(credentials: Credentials | undefined): void {
  if (credentials) sessionStorage.setItem(KEY, JSON.stringify(credentials));
  else sessionStorage.removeItem(KEY);
}
