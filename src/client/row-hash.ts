import type { inferRouterOutputs } from '@trpc/server';
import type { AppRouter } from '../router.ts';

export type Proof = inferRouterOutputs<AppRouter>['vault']['proof'];

export type ProofRow = Proof['rows'][number];

/** The names of the canonical forms of a row. A row of the second form carries its name. */
export const FIRST_FORM = 'vault-relay/1';
const SECOND_FORM = 'vault-relay/2';
const utf8 = new TextEncoder();

const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

const fromHex = (hex: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));

const sha256 = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
  toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));

async function hmac(salt: string, text: string): Promise<string> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', fromHex(salt), algorithm, false, ['sign']);
  return toHex(new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8.encode(text))));
}

const netstring = (text: string): string => `${utf8.encode(text).length}:${text},`;

const netstrings = (texts: readonly string[]): string => texts.map(netstring).join('');

const isHex = (value: unknown, bytes: number): value is string =>
  typeof value === 'string' && value.length === 2 * bytes && /^[0-9a-f]*$/.test(value);

/** @returns whether a row has just the fields of one of the two forms */
export function isComplete(row: ProofRow): boolean {
  const { algorithm, author, to, salt } = row;
  if (algorithm === undefined) {
    const second = [author, to, salt, row.tags_hmac];
    return isHex(row.content_sha256, 32) && second.every((field) => field === undefined);
  }
  const hasHashes = isHex(salt, 16) && isHex(row.tags_hmac, 32) && isHex(row.content_sha256, 32);
  return algorithm === SECOND_FORM && typeof author === 'string' && Array.isArray(to) && hasHashes;
}

function fieldsOf(vaultId: string, row: ProofRow): string[] {
  const { seq, entry_no, version, kind, writer_id, created_at } = row;
  const place = [vaultId, seq, entry_no, version, kind, writer_id].map(String);
  if (row.algorithm === undefined) {
    return [FIRST_FORM, ...place, created_at, netstrings(row.tags), row.content_sha256];
  }
  const { author = '', to = [], tags_hmac = '', content_sha256 } = row;
  return [SECOND_FORM, ...place, author, netstrings(to), created_at, tags_hmac, content_sha256];
}

/** @returns the hash that the row must have after `previous` */
export function hashRow(previous: string, vaultId: string, row: ProofRow): Promise<string> {
  const form = utf8.encode(netstrings(fieldsOf(vaultId, row)));
  const hashed = new Uint8Array(32 + form.length);
  hashed.set(fromHex(previous));
  hashed.set(form, 32);
  return sha256(hashed);
}

/** @returns whether the row's own salt and tags give the hash of its tags; a row of the first form has none */
export const hasItsTags = async ({ salt, tags, tags_hmac }: ProofRow): Promise<boolean> =>
  salt === undefined || (await hmac(salt, netstrings(tags))) === tags_hmac;

/** @returns whether this is the content that the row has the hash of */
export async function hasContent({ salt, content_sha256 }: ProofRow, content: string) {
  if (salt === undefined) return (await sha256(utf8.encode(content))) === content_sha256;
  return (await hmac(salt, content)) === content_sha256;
}
