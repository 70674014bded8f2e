import { Command, InvalidArgumentError } from 'commander';
import { withSnapshot } from '../db/connection.ts';
import { ChainCheck, type Head, type Misfit, type StoredRow } from '../vault/chain-check.ts';
import { ChainStore, UnreadableError } from '../vault/chain-store.ts';
import { type CommandDeps, ExitCode } from './command.ts';
import type { Output } from './output.ts';
import { withConnectionToDatabase } from './with-database.ts';

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
  /** The highest seq among them. */
  verified_up_to: number;
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
        found.verified_up_to = Math.max(found.verified_up_to, last.seq);
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
 * @returns the first thing that does not fit, or undefined
 */
export const verifyVault = (store: ChainStore, vaultId: string): Promise<Misfit | undefined> =>
  findMisfit(store, vaultId, { against: undefined, found: { vaults: 0, rows: 0, verified_up_to: 0 } });

/**
 * Checks every chain, or that of one vault.
 * @param report takes of each vault that does not fit the first thing, as soon as it is found
 * @returns what was looked at
 * @throws Error when the vault that is named does not exist, or what `report` or the driver throws
 */
export async function verifyChains(
  store: ChainStore,
  { vault, against }: VerifyOptions,
  report: (misfit: Misfit) => Promise<void>,
): Promise<Verification> {
  const found: Verification = { vaults: 0, rows: 0, verified_up_to: 0 };
  for await (const vaultId of store.vaultIds(vault)) {
    found.vaults++;
    const misfit = await findMisfit(store, vaultId, { against, found });
    if (misfit) await report(misfit);
  }
  if (vault !== undefined) {
    if (found.vaults === 0) throw new Error(`There is no vault ${vault}.`);
    return found;
  }
  for await (const stray of store.strays()) {
    await report({ vault_id: stray.vault_id, row: placeOf(stray), problem: 'its vault does not exist' });
  }
  return found;
}

function formatMisfit({ vault_id, row, problem }: Misfit): string {
  if (!row) return `${vault_id}: ${problem}`;
  const entry = row.entry_no === 0 ? 'summary' : `e${row.entry_no}`;
  return `${vault_id} seq ${row.seq} ${entry} v${row.version}: ${problem}`;
}

const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;

/**
 * Checks and prints: a line for each vault that does not fit and one for all, or one JSON object.
 * @returns how many do not fit @throws what `verifyChains` or the output throws
 */
export async function printVerification(
  store: ChainStore,
  out: Output,
  { json = false, ...options }: VerifyOptions & { json?: boolean },
): Promise<number> {
  let misfits = 0;
  const found = await verifyChains(store, options, async (misfit) => {
    if (json) await out.jsonText((misfits === 0 ? '{"misfits":[' : ',') + JSON.stringify(misfit));
    else await out.line(formatMisfit(misfit));
    misfits++;
  });
  if (json) {
    await out.jsonText(`${misfits === 0 ? '{"misfits":[' : ''}],${JSON.stringify(found).slice(1)}\n`);
    return misfits;
  }
  const { vaults, rows, verified_up_to } = found;
  const total = `${count(vaults, 'vault')}, ${count(rows, 'row')}, verified up to seq ${verified_up_to}`;
  await out.line(misfits > 0 ? `${total}; NOT OK: ${misfits}` : total);
  return misfits;
}

function parseRememberedHead(text: string): Head {
  const head = parseHead(text);
  if (!head) throw new InvalidArgumentError('It must be <seq>:<hash>, the hash as 64 hexadecimal digits.');
  return head;
}

/** `vault-relay verify`: exit code 1 when a vault does not fit. */
export function makeVerifyCommand({ setUp, out }: CommandDeps): Command {
  return new Command('verify')
    .description('check that no row of any vault was changed, taken out, put in or moved')
    .option('--vault <id>', 'check only this vault')
    .option(
      '--against <seq:hash>',
      'also that it contains this head, remembered elsewhere',
      parseRememberedHead,
    )
    .option('--json', 'print one JSON object')
    .action(async (options, command: Command) => {
      if (options.against && options.vault === undefined) {
        command.error("error: option '--against' needs '--vault <id>': a head is that of one vault");
      }
      const { config, log } = setUp();
      const misfits = await withConnectionToDatabase(config, log, (client) =>
        withSnapshot(client, () => printVerification(new ChainStore(client), out, options)),
      );
      if (misfits > 0) throw new ExitCode(1);
    });
}
