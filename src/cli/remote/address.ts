/** @returns the address of a server without slashes at its end, or undefined for any other text */
export function readAddress(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, origin, pathname, username, password, search, hash } = new URL(text);
  if (protocol !== 'http:' && protocol !== 'https:') return undefined;
  const isBare = username + password + search + hash === '';
  return isBare ? `${origin}${pathname}`.replace(/\/+$/, '') : undefined;
}

/** What is wrong with any other text. */
export const NOT_AN_ADDRESS =
  'must be the address of a server, such as https://relay.example.org, without query or password';
