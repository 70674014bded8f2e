import { Command, InvalidArgumentError } from 'commander';
import { withSnapshot } from '../db/connection.ts';
import type { Head } from '../vault/proof/chain-check.ts';
import { ChainStore } from '../vault/proof/chain-store.ts';
import { formatMisfit, type VerifyOptions, verifyChains } from '../vault/proof/verify-chains.ts';
import { type CommandDeps, ExitCode } from './command.ts';
import type { Output } from './output.ts';
import { withConnectionToDatabase } from './with-database.ts';

/** @returns `<seq>:<hash>` as a head, or undefined for anything else */
export function parseHead(text: string): Head | undefined {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/i.exec(text) ?? [];
  return seq === undefined || hash === undefined ? undefined : { seq: Number(seq), hash: hash.toLowerCase() };
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
  const total = `${count(found.vaults, 'vault')}, ${count(found.rows, 'row')} verified`;
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
    .description('check that no row of any vault was changed, removed, inserted or moved')
    .option('--vault <id>', 'check only this vault')
    .option(
      '--against <seq:hash>',
      'also check that it contains this head, which you kept elsewhere',
      parseRememberedHead,
    )
    .option('--json', 'print one JSON object')
    .action(async (options, command: Command) => {
      if (options.against && options.vault === undefined) {
        command.error("error: option '--against' needs '--vault <id>', because a head belongs to one vault");
      }
      const { config, log } = await setUp();
      const misfits = await withConnectionToDatabase(config, log, (client) =>
        withSnapshot(client, () => printVerification(new ChainStore(client), out, options)),
      );
      if (misfits > 0) throw new ExitCode(1);
    });
}
