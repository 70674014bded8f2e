/** Where a change of a session or a key was asked for, for the audit log. */
export interface Source {
  /** Of the request, or of the one that opened the socket. */
  requestId: string;
  address: string;
}

/** As the last two values of a statement. */
export const sourceColumns = (source: Source | undefined): (string | null)[] => [
  source?.requestId ?? null,
  source?.address ?? null,
];
