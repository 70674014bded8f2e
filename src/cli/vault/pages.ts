/** Rows or vaults of one call, so that no answer is large. */
const PAGE = 200;

interface Page<T> {
  items: T[];
  /** Where the next page begins; null after the last one. */
  next: string | null;
}

/** Yields the items of all pages, at most `limit`. A page is asked for once the items ahead of it are taken. */
export async function* pages<T>(
  limit = Number.POSITIVE_INFINITY,
  ask: (page: { limit: number; cursor?: string }) => Promise<Page<T>>,
): AsyncGenerator<T> {
  let cursor: string | null | undefined;
  for (let left = limit; left > 0 && cursor !== null; ) {
    const page: Page<T> = await ask({ limit: Math.min(left, PAGE), ...(cursor !== undefined && { cursor }) });
    yield* page.items;
    left -= page.items.length;
    cursor = page.next;
  }
}
