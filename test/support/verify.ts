import type pg from 'pg';
import { printVerification } from '../../src/cli/verify.ts';
import { withConnection, withSnapshot } from '../../src/db/connection.ts';
import type { Misfit } from '../../src/vault/proof/chain-check.ts';
import { ChainStore } from '../../src/vault/proof/chain-store.ts';
import { type Verification, type VerifyOptions, verifyChains } from '../../src/vault/proof/verify-chains.ts';
import { printed } from './output.ts';

type Found = Verification & { misfits: Misfit[] };

/** @returns the findings of `vault-relay verify` within the open transaction */
export async function verifyWithin(client: pg.Client, options: VerifyOptions): Promise<Found> {
  const misfits: Misfit[] = [];
  const found = await verifyChains(new ChainStore(client), options, async (misfit) => {
    misfits.push(misfit);
  });
  return { ...found, misfits };
}

/** @returns the findings of `vault-relay verify` */
export const verify = (url: string, options: VerifyOptions = {}): Promise<Found> =>
  withConnection(url, (client) => withSnapshot(client, () => verifyWithin(client, options)));

/** @returns the output of `vault-relay verify` */
export const verifyOutput = (
  url: string,
  options: VerifyOptions & { json?: boolean } = {},
): Promise<string> =>
  printed((out) =>
    withConnection(url, (client) =>
      withSnapshot(client, () => printVerification(new ChainStore(client), out, options)),
    ),
  );
