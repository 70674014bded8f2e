/** Where a call came from, for the audit log. */
export interface Origin {
  /** Hexadecimal SHA-256 of the session's id; an operator has none. */
  sessionHash?: string | undefined;
  requestId: string;
  address: string;
}

/** A caller: its proven work session, and its self-reported client id. */
export interface Caller {
  /** The Astation that the session is bound to. Proven. */
  workSessionId: string;
  /** The `?id=` of the request. Self-reported. */
  clientId: string;
  /** Undefined for calls that no request stands behind. */
  origin?: Origin | undefined;
}

/** An operator of the server, who reads every vault and changes none. */
export interface Operator {
  operator: true;
  origin?: Origin | undefined;
}

/** A caller or an operator. */
export type Reader = Caller | Operator;

export const isOperator = (reader: Reader): reader is Operator => 'operator' in reader;

/** The fields of a vault that decide access. */
export interface VaultAccess {
  workSessionId: string;
  writerList: readonly string[];
}

/** The vault's own work session may read it, and so may every past writer. */
export function canRead(vault: VaultAccess, caller: Caller): boolean {
  return canWrite(vault, caller) || vault.writerList.includes(caller.clientId);
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
export const readsAs = ({ clientId }: Caller, { pastWriterReads }: AccessRules): string | null =>
  pastWriterReads ? clientId : null;

/** Work session and client id as the statements that read take them; null twice for an operator. */
export const readerValues = (reader: Reader, rules: AccessRules): (string | null)[] =>
  isOperator(reader) ? [null, null] : [reader.workSessionId, readsAs(reader, rules)];
