/** A place of a text that looks like a secret, inside the scan. It never leaves it, because it holds the value. */
export interface Found {
  kind: string;
  /** Where the value begins. */
  at: number;
  value: string;
  /** The published beginning of its form, which may be shown. */
  shown: string;
}
