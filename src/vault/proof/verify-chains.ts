import { bucketOf } from '../bucket.ts';
import { ChainCheck, type Head, type Misfit, type StoredRow } from './chain-check.ts';
import { type ChainStore, UnreadableError } from './chain-store.ts';

export interface VerifyOptions {
  /** Only this vault. */
  vault?: string;
  /** A head of that vault that was remembered elsewhere. */
  against?: Head;
}

/** What was looked at. */
export interface Verification {
  vaults: number;
  /** Rows that fit. */
  rows: number;
}

const placeOf = ({ seq, entry_no, version }: Pick<StoredRow, 'seq' | 'entry_no' | 'version'>) => ({
  seq,
  entry_no,
  version,
});

/** @returns what does not fit about the vault's writers, or undefined */
async function findStranger(
  store: ChainStore,
  vaultId: string,
  check: ChainCheck,
): Promise<string | undefined> {
  for await (const writer of store.writers(vaultId)) {
    const problem = check.addWriter(writer);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** @returns a vault that is not in the bucket of its id */
function judgeBucket(vaultId: string, bucket: number): Misfit | undefined {
  const right = bucketOf(vaultId);
  const problem = `its bucket is ${bucket}, but its id says ${right}`;
  return bucket === right ? undefined : { vault_id: vaultId, row: null, problem };
}

/** Checks the chain of one vault, and counts its rows in `found`. @returns the first thing that does not fit */
async function findMisfit(
  store: ChainStore,
  vaultId: string,
  { against, found }: { against: Head | undefined; found: Verification },
): Promise<Misfit | undefined> {
  const misfit = (problem: string | undefined, row?: StoredRow): Misfit | undefined =>
    problem === undefined ? undefined : { vault_id: vaultId, row: row ? placeOf(row) : null, problem };
  let last: Head | undefined;
  try {
    return await store.attempt(async () => {
      const check = new ChainCheck(await store.vault(vaultId), against);
      for await (const row of store.rows(vaultId)) {
        const problem = check.add(row);
        if (problem !== undefined) return misfit(problem, row);
        last = check.last;
        found.rows++;
      }
      return misfit(check.finish() ?? (await findStranger(store, vaultId, check)));
    });
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    const where = last ? `its rows after seq ${last.seq}` : 'it';
    return misfit(`${where} cannot be read: ${error.message}`);
  }
}

/**
 * Checks one vault as `verify` does, in the transaction that is open.
 * @returns the first thing that does not fit, or undefined @throws what the driver throws
 */
export const verifyVault = (store: ChainStore, vaultId: string): Promise<Misfit | undefined> =>
  findMisfit(store, vaultId, { against: undefined, found: { vaults: 0, rows: 0 } });

/**
 * Checks every chain, or that of one vault, in the transaction that is open.
 * @param report takes of each vault that does not fit the first thing, as soon as it is found
 * @returns what was looked at
 * @throws Error when the vault that is named does not exist, or what `report` or the driver throws
 */
export async function verifyChains(
  store: ChainStore,
  { vault, against }: VerifyOptions,
  report: (misfit: Misfit) => Promise<void>,
): Promise<Verification> {
  const found: Verification = { vaults: 0, rows: 0 };
  let isWell = true;
  for await (const { vault_id, bucket } of store.vaultIds(vault)) {
    found.vaults++;
    // Its rows are looked for where its id says that they are.
    const misfit = judgeBucket(vault_id, bucket) ?? (await findMisfit(store, vault_id, { against, found }));
    if (!misfit) continue;
    isWell = false;
    await report(misfit);
  }
  if (vault !== undefined) {
    if (found.vaults === 0) throw new Error(`There is no vault ${vault}.`);
    return found;
  }
  try {
    await store.attempt(async () => {
      for await (const stray of store.strays()) {
        await report({ vault_id: stray.vault_id, row: placeOf(stray), problem: 'its vault does not exist' });
      }
    });
  } catch (error) {
    // A row that cannot be read was reported with its vault.
    if (isWell || !(error instanceof UnreadableError)) throw error;
  }
  return found;
}

/** @returns a sentence about what does not fit */
export function formatMisfit({ vault_id, row, problem }: Misfit): string {
  if (!row) return `${vault_id}: ${problem}`;
  const entry = row.entry_no === 0 ? 'summary' : `e${row.entry_no}`;
  return `${vault_id} seq ${row.seq} ${entry} v${row.version}: ${problem}`;
}
