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

/** The origin of a change of bindings, and a counter of its rows. */
export interface BindingSource extends Source {
  /** Called before that many rows are created. @throws an error to prevent the change */
  countRows?(rows: number): Promise<void>;
}
