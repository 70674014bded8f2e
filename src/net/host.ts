/** Where a `Host` header or an origin points. */
export interface HostPlace {
  /** As URLs spell it, without brackets and without a dot at its end. */
  name: string;
  /** Undefined where none is named. */
  port: number | undefined;
}

/** @param hostname of a parsed URL */
export const bareName = (hostname: string): string => hostname.replace(/\.$/, '').replace(/^\[(.*)\]$/, '$1');

/**
 * Reads a host with an optional port as URLs are read: case, punycode, every spelling of an address.
 * @returns undefined for what cannot stand as the host of a URL
 */
export function readHost(text: string): HostPlace | undefined {
  // In a URL these end the host, or stand before it.
  if (/[\s/\\?#@]/.test(text) || !URL.canParse(`http://${text}`)) return undefined;
  const port = /:(\d+)$/.exec(text)?.[1];
  return {
    name: bareName(new URL(`http://${text}`).hostname),
    port: port === undefined ? undefined : Number(port),
  };
}
