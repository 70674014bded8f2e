/** The entity tag of a vault's view at this head. Weak, because it does not identify the bytes. */
export const etagOf = (head: number): string => `W/"${head}"`;

/** An entity tag and what ends it (RFC 9110, section 8.8.3). A comma may stand within its quotes. */
const ENTITY_TAG = /[\t ]*(?:W\/)?("[\x21\x23-\x7e\x80-\xff]*")[\t ]*(?:,|$)/y;
/** Anything else, up to the next comma. */
const JUNK = /[^,]*(?:,|$)/y;

/**
 * Reads `If-None-Match`. Every question about the header goes through this function.
 * @returns the tags without their marks of weakness, or `*`; junk is ignored
 */
function readTags(ifNoneMatch: string): ReadonlySet<string> | '*' {
  if (/^[\t ]*\*[\t ]*$/.test(ifNoneMatch)) return '*';
  const tags = new Set<string>();
  for (let at = 0; at < ifNoneMatch.length; ) {
    ENTITY_TAG.lastIndex = JUNK.lastIndex = at;
    const [, tag] = ENTITY_TAG.exec(ifNoneMatch) ?? [];
    if (tag === undefined) JUNK.exec(ifNoneMatch);
    else tags.add(tag);
    at = tag === undefined ? JUNK.lastIndex : ENTITY_TAG.lastIndex;
  }
  return tags;
}

/** Whether `If-None-Match` names a tag, by weak comparison (RFC 9110, section 13.1.2). */
export function isNamed(ifNoneMatch: string, etag: string): boolean {
  const tags = readTags(ifNoneMatch);
  return tags === '*' || tags.has(etag.replace(/^W\//, ''));
}

/** A head as `etagOf` spells it. Another spelling of the number is another tag. */
const HEAD = /^"(0|[1-9]\d{0,15})"$/;

/**
 * @returns the latest head whose tag `If-None-Match` names. A read of a vault with this head may leave out its rows,
 *   because `isNamed` holds for its tag and the answer becomes a 304
 */
export function readSeenHead(ifNoneMatch: string | undefined): number | undefined {
  if (ifNoneMatch === undefined) return undefined;
  const tags = readTags(ifNoneMatch);
  if (tags === '*') return undefined;
  let latest: number | undefined;
  for (const tag of tags) {
    const head = Number(HEAD.exec(tag)?.[1] ?? Number.NaN);
    if (head > (latest ?? -1)) latest = head;
  }
  return latest;
}
