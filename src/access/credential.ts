/** What proves a caller: the session of an agent, the key of a program, or the cookie of a person. */
export type CredentialKind = 'session' | 'key' | 'person';

/** What a credential may be allowed to do. */
export const SCOPES = ['read', 'write', 'create', 'redact', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** The rights of every session. A session may also remove writers (`openToSessions`). */
export const SESSION_SCOPES: readonly Scope[] = ['read', 'write', 'create'];

/** The rights of a person: a member in one work session, or an operator in each work session that the operator acts in. */
export const PERSON_SCOPES: readonly Scope[] = SCOPES;

/** A person is a member of one work session, or an operator of the server. */
export const ROLES = ['member', 'operator'] as const;
export type Role = (typeof ROLES)[number];

/** Who is signed in. */
export interface PersonInfo {
  id: string;
  /** Null: the person was not asked yet. */
  name: string | null;
  role: Role;
}

/** The result of a look-up of a usable credential. */
export interface LiveCredential {
  kind: CredentialKind;
  /** The Astation that it acts for; null for a person who is an operator. */
  workSessionId: string | null;
  /** How long it stays valid without further use, by the database's clock. */
  remainingMs: number;
  /** `session:<fingerprint>`, `key:<id>` or `person:<id>`, as rows that it writes name it. */
  author: string;
  /** The client id that each of its calls has. Undefined: each call names its own. */
  clientId?: string | undefined;
  scopes: readonly Scope[];
  /** The only vaults that it reaches. Undefined: no limit. */
  vaults?: readonly string[] | undefined;
  /** Of a person only. */
  person?: PersonInfo | undefined;
  /** Whether the look-up extended its life, so that the cookie of a person must be sent again. */
  renewed?: boolean | undefined;
}

/** A usable credential with its key in the cache: the hexadecimal SHA-256 of its secret. */
export interface Credential extends LiveCredential {
  idHash: string;
}

/** The credential of a signed-in person. */
export type PersonCredential = Credential & { person: PersonInfo };

/** Begins every key. */
export const KEY_PREFIX = 'vr_';

/** Begins the secret of every person, which only a cookie may carry. */
export const PERSON_PREFIX = 'vrp_';

/** @returns the kind of credential that a secret can only be, by how it begins */
export function kindOfSecret(secret: string): CredentialKind {
  if (secret.startsWith(KEY_PREFIX)) return 'key';
  return secret.startsWith(PERSON_PREFIX) ? 'person' : 'session';
}
