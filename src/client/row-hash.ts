import type { inferRouterOutputs } from '@trpc/server';
import type { AppRouter } from '../router.ts';

export type Proof = inferRouterOutputs<AppRouter>['vault']['proof'];

export type ProofRow = Proof['rows'][number];

/** The name of the canonical form of a row. */
export const ALGORITHM = 'vault-relay/1';
export const utf8 = new TextEncoder();

const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

const fromHex = (hex: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));

/** @returns 64 hexadecimal digits */
export const sha256 = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
  toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));

const netstring = (text: string): string => `${utf8.encode(text).length}:${text},`;

/** @returns the hash that the row must have after `previous` */
export function hashRow(previous: string, vaultId: string, row: ProofRow): Promise<string> {
  const fields = [
    ALGORITHM,
    vaultId,
    String(row.seq),
    String(row.entry_no),
    String(row.version),
    row.kind,
    row.writer_id,
    row.created_at,
    row.tags.map(netstring).join(''),
    row.content_sha256,
  ];
  const form = utf8.encode(fields.map(netstring).join(''));
  const hashed = new Uint8Array(32 + form.length);
  hashed.set(fromHex(previous));
  hashed.set(form, 32);
  return sha256(hashed);
}
