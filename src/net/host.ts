/** The host and port of a `Host` header or an origin. */
export interface HostPlace {
  /** In URL-normalised form, without brackets and without a trailing dot. */
  name: string;
  /** Undefined if none is given. */
  port: number | undefined;
}

/** @param hostname of a parsed URL */
export const bareName = (hostname: string): string => hostname.replace(/\.$/, '').replace(/^\[(.*)\]$/, '$1');

/**
 * Parses a host with an optional port as URLs do: normalises case, punycode and every spelling of an address.
 * @returns undefined if the text is not a valid host of a URL
 */
export function readHost(text: string): HostPlace | undefined {
  // These characters delimit the host in a URL.
  if (/[\s/\\?#@]/.test(text) || !URL.canParse(`http://${text}`)) return undefined;
  const port = /:(\d+)$/.exec(text)?.[1];
  return {
    name: bareName(new URL(`http://${text}`).hostname),
    port: port === undefined ? undefined : Number(port),
  };
}
