/** The limits of an answer. */
export interface AnswerBounds {
  maxBytes: number;
  /** Whether the surface can send rows before later ones are fetched. */
  streams: boolean;
}

/** The JSON rows of an answer: the fetched ones, and a source of the rest. */
export interface JsonRows {
  /** The fetched rows, separated by commas. */
  readonly rowsJson: string;
  /** All rows as a JSON array in UTF-8, where they are kept so. */
  readonly body: Buffer | undefined;
  /** Undefined where all rows are fetched. */
  readonly rest: AsyncGenerator<string> | undefined;
  /** The memory that the rows take until they are sent. */
  readonly bytes: number;
}
