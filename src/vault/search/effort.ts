/** What a search looks at before its statements take turns with scans: candidates, and characters of their texts. */
const SMALL_ROWS = 512;
const SMALL_CHARACTERS = 1_048_576;
/** Characters that are compared before other work has its turn. */
const AT_ONCE = 65_536;

/** How much one search has looked at. */
export class Effort {
  #rows = 0;
  #characters = 0;
  #sinceTurn = 0;

  /** Candidates, whether or not they match. */
  get rows(): number {
    return this.#rows;
  }

  /** Whether the search costs as much as a scan. */
  get isLarge(): boolean {
    return this.#rows > SMALL_ROWS || this.#characters > SMALL_CHARACTERS;
  }

  addRows(count: number): void {
    this.#rows += count;
  }

  /** Counts a text that is compared. @returns whether other work has its turn first */
  addText(text: string): boolean {
    this.#characters += text.length;
    this.#sinceTurn += text.length;
    if (this.#sinceTurn < AT_ONCE) return false;
    this.#sinceTurn = 0;
    return true;
  }
}
