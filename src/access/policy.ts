/** Where a call came from, for the audit log. */
export interface Origin {
  /** Hexadecimal SHA-256 of the session's id; an operator has none. */
  sessionHash?: string | undefined;
  requestId: string;
  address: string;
}

/** Who calls: what the session proves, and what the caller says of itself. */
export interface Caller {
  /** The Astation that the session is bound to. Proven. */
  workSessionId: string;
  /** The `?id=` of the request. Self-reported. */
  clientId: string;
  /** Undefined for calls that no request stands behind. */
  origin?: Origin | undefined;
}

/** Who proved to run the server: reads every vault, and changes none. */
export interface Operator {
  operator: true;
  origin?: Origin | undefined;
}

/** Whoever may read something. */
export type Reader = Caller | Operator;

export const isOperator = (reader: Reader): reader is Operator => 'operator' in reader;

/** What decides about access to a vault. */
export interface VaultAccess {
  workSessionId: string;
  writerList: readonly string[];
}

/** The vault's own work session may read it, and so may whoever wrote into it once. */
export function canRead(vault: VaultAccess, caller: Caller): boolean {
  return canWrite(vault, caller) || vault.writerList.includes(caller.clientId);
}

/** Only the vault's own work session may write. */
export function canWrite(vault: VaultAccess, caller: Caller): boolean {
  return vault.workSessionId === caller.workSessionId;
}

/** A summary is low-stakes: whoever can see the vault may describe it. */
export const canSetSummary = canRead;

/** Who may read from outside is for those inside to say. */
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
