import { NOT_AN_ADDRESS, readAddress } from './address.ts';

/** What a command needs to call a server. */
export interface Connection {
  /** Without a slash at its end. */
  url: string;
  /** A key, or the id of a session. */
  key: string;
  /** Of a session; a key has one. */
  clientId?: string | undefined;
}

/** The settings of the connection are missing or cannot be used. The message says what to do. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
}

/** A header cannot carry anything else, and the error of `fetch` would show the whole header. */
const KEY = /^[\x21-\x7e]{1,512}$/;

/** @param names of the two settings, for the error @throws ConnectionError unless both can be used */
export function makeConnection(
  { url, key, clientId }: Connection,
  names: { url: string; key: string },
): Connection {
  const address = readAddress(url);
  if (address === undefined) throw new ConnectionError(`${names.url} ${NOT_AN_ADDRESS}.`);
  if (!KEY.test(key))
    throw new ConnectionError(`${names.key} must be a key or the id of a session, without spaces.`);
  return { url: address, key, clientId };
}
