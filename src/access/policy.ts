import type { CredentialKind, PersonCredential, Scope } from './credential.ts';

/** Where a call came from, for the audit log. */
export interface Origin {
  /** Hexadecimal SHA-256 of the credential's secret; an operator's token has none. */
  credentialHash?: string | undefined;
  requestId: string;
  address: string;
}

/** A caller: its proven work session, and its client id. */
export interface Caller {
  /** The Astation that the credential acts for. Proven. */
  workSessionId: string;
  /** The `?id=` of the request, which a session reports itself. That of a key or a person is pinned. */
  clientId: string;
  /** What proved the caller. Undefined, like the next four, for calls that no request stands behind. */
  kind?: CredentialKind | undefined;
  /** `session:<fingerprint>`, `key:<id>` or `person:<id>`. Proven. */
  author?: string | undefined;
  /** What the caller may do (`api/permit.ts`). */
  scopes?: readonly Scope[] | undefined;
  /** The only vaults that the caller reaches. Undefined: no limit. */
  vaults?: readonly string[] | undefined;
  origin?: Origin | undefined;
}

/** An operator of the server, who reads every vault and changes none. */
export interface Operator {
  operator: true;
  /** Whether the operator also revokes, bans and makes keys. */
  administers: boolean;
  /** `person:<id>`; an operator by a token has none. */
  author?: string | undefined;
  /** The client id of the person who acts in a work session; an operator by a token has none. */
  clientId?: string | undefined;
  origin?: Origin | undefined;
}

/** A page of the dashboard, and the person whose cookie it carries, if any. */
export interface Visitor {
  visitor: true;
  person?: PersonCredential | undefined;
}

/** A caller or an operator. */
export type Reader = Caller | Operator;

export const isOperator = (reader: Reader): reader is Operator => 'operator' in reader;

/** The fields of a vault that decide access. */
export interface VaultAccess {
  workSessionId: string;
  writerList: readonly string[];
}

/** Whether a caller may be a past writer: a session. The name of a key or a person opens no vault. */
const readsByName = ({ kind = 'session' }: Caller): boolean => kind === 'session';

/** The vault's own work session may read it, and so may every past writer. */
export function canRead(vault: VaultAccess, caller: Caller): boolean {
  return canWrite(vault, caller) || (readsByName(caller) && vault.writerList.includes(caller.clientId));
}

/** Only the vault's own work session may write. */
export function canWrite(vault: VaultAccess, caller: Caller): boolean {
  return vault.workSessionId === caller.workSessionId;
}

/** Every reader of a vault may describe it, because a summary is low-stakes. */
export const canSetSummary = canRead;

/** Only the vault's own work session decides about readers from outside. */
export const canRemoveWriter = canWrite;

/** What the operator of the server decided about access (`PAST_WRITER_READ`). */
export interface AccessRules {
  /** Whether past writers may read vaults of other work sessions. */
  pastWriterReads: boolean;
}

/** The client id as statements compare it with a vault's writers; null matches no writer. */
export const readsAs = (caller: Caller, { pastWriterReads }: AccessRules): string | null =>
  pastWriterReads && readsByName(caller) ? caller.clientId : null;

/** Work session and client id as the statements that read take them; null twice for an operator. */
export const readerValues = (reader: Reader, rules: AccessRules): (string | null)[] =>
  isOperator(reader) ? [null, null] : [reader.workSessionId, readsAs(reader, rules)];
