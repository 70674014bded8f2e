/** @returns the address of a server without slashes at its end, or undefined where a text is none */
export function readAddress(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, origin, pathname, username, password, search, hash } = new URL(text);
  if (protocol !== 'http:' && protocol !== 'https:') return undefined;
  const isBare = username + password + search + hash === '';
  return isBare ? `${origin}${pathname}`.replace(/\/+$/, '') : undefined;
}

/** The sentence about a text that is no such address. */
export const NOT_AN_ADDRESS =
  'must be the address of a server, such as https://relay.example.org, without query or password';
