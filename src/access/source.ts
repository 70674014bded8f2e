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

/** Where a change of bindings was asked for, and what counts its rows. */
export interface BindingSource extends Source {
  /** Called before so many rows are made. @throws what is to keep the change from happening */
  countRows?(rows: number): Promise<void>;
}
