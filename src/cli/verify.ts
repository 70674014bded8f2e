import {
  ChainCheck,
  type Head,
  type Misfit,
  type StoredRow,
  type VaultRecord,
} from '../vault/chain-check.ts';
import type { ChainStore } from '../vault/chain-store.ts';

export interface VerifyOptions {
  /** Only this vault. */
  vault?: string;
  /** A head of that vault that was remembered elsewhere. */
  against?: Head;
  json?: boolean;
}

export interface Verification {
  vaults: number;
  /** Rows that fit. */
  rows: number;
  /** The highest seq among them. */
  verified_up_to: number;
  /** Of each vault that does not fit, the first thing. */
  misfits: Misfit[];
}

/** @returns `<seq>:<hash>` as a head, or undefined for anything else */
export function parseHead(text: string): Head | undefined {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/i.exec(text) ?? [];
  return seq === undefined || hash === undefined ? undefined : { seq: Number(seq), hash: hash.toLowerCase() };
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

async function verifyVault(
  store: ChainStore,
  vault: VaultRecord,
  { against }: VerifyOptions,
): Promise<{ rows: number; last: Head; misfit: Misfit | undefined }> {
  const { vault_id } = vault;
  const check = new ChainCheck(vault, against);
  let rows = 0;
  for await (const row of store.rows(vault_id)) {
    const problem = check.add(row);
    if (problem !== undefined)
      return { rows, last: check.last, misfit: { vault_id, row: placeOf(row), problem } };
    rows++;
  }
  const problem = check.finish() ?? (await findStranger(store, vault_id, check));
  return {
    rows,
    last: check.last,
    misfit: problem === undefined ? undefined : { vault_id, row: null, problem },
  };
}

/**
 * Checks every chain, or that of one vault.
 * @throws Error when the vault that is named does not exist, or what the driver throws
 */
export async function verifyChains(store: ChainStore, options: VerifyOptions): Promise<Verification> {
  const found: Verification = { vaults: 0, rows: 0, verified_up_to: 0, misfits: [] };
  for await (const vault of store.vaults(options.vault)) {
    const { rows, last, misfit } = await verifyVault(store, vault, options);
    found.vaults++;
    found.rows += rows;
    found.verified_up_to = Math.max(found.verified_up_to, last.seq);
    if (misfit) found.misfits.push(misfit);
  }
  if (options.vault !== undefined) {
    if (found.vaults === 0) throw new Error(`There is no vault ${options.vault}.`);
    return found;
  }
  const stray = await store.findStray();
  if (stray) {
    const { vault_id } = stray;
    found.misfits.push({ vault_id, row: placeOf(stray), problem: 'its vault does not exist' });
  }
  return found;
}

function formatMisfit({ vault_id, row, problem }: Misfit): string {
  if (!row) return `${vault_id}: ${problem}`;
  const entry = row.entry_no === 0 ? 'summary' : `e${row.entry_no}`;
  return `${vault_id} seq ${row.seq} ${entry} v${row.version}: ${problem}`;
}

const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;

/** @returns the text to print: a line for each vault that does not fit and one for all, or one JSON object */
export function formatVerification(found: Verification, { json = false }: VerifyOptions): string {
  if (json) return JSON.stringify(found);
  const { vaults, rows, verified_up_to, misfits } = found;
  const total = `${count(vaults, 'vault')}, ${count(rows, 'row')}, verified up to seq ${verified_up_to}`;
  return [
    ...misfits.map(formatMisfit),
    misfits.length > 0 ? `${total}; NOT OK: ${misfits.length}` : total,
  ].join('\n');
}
