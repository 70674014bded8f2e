/** What an answer may be. */
export interface AnswerBounds {
  maxBytes: number;
  /** Whether the surface can send rows while later ones are still to be fetched. */
  streams: boolean;
}

/** JSON rows of an answer: those at hand, and those that are still to be fetched. */
export interface JsonRows {
  /** With commas between them. */
  readonly rowsJson: string;
  /** Undefined where all rows are at hand. */
  readonly rest: AsyncGenerator<string> | undefined;
  /** Bytes that the rows take in memory until they are handed over. */
  readonly bytes: number;
}
