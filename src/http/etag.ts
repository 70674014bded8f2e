/** The tag of what a vault shows while this is its head. Weak: it says nothing about the bytes. */
export const etagOf = (head: number): string => `W/"${head}"`;

const opaque = (tag: string): string => tag.trim().replace(/^W\//, '');

/** Whether `If-None-Match` names the tag (RFC 9110, 13.1.2: by weak comparison). */
export const isNamed = (ifNoneMatch: string, etag: string): boolean =>
  ifNoneMatch === etag ||
  ifNoneMatch.trim() === '*' ||
  ifNoneMatch.split(',').some((tag) => opaque(tag) === opaque(etag));

const ONE_TAG = /^(?:W\/)?"(\d{1,15})"$/;

/** @returns the latest head whose tag `If-None-Match` names: an earlier one is no head any more */
export function readSeenHead(ifNoneMatch: string | undefined): number | undefined {
  if (ifNoneMatch === undefined) return undefined;
  const only = ONE_TAG.exec(ifNoneMatch)?.[1];
  if (only !== undefined) return Number(only);
  const heads = [...ifNoneMatch.matchAll(/"(\d{1,15})"/g)].map(([, head]) => Number(head));
  return heads.length === 0 ? undefined : Math.max(...heads);
}
