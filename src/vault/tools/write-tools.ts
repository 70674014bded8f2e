import { z } from 'zod';
import { type Standing, type Tool, type ToolAnswer, tool } from '../../api/operation.ts';
import type { Secret } from '../../secrets/scan.ts';
import type { VaultInputs } from '../inputs.ts';
import { CreatedVault, SummaryResult, WriteResult } from '../schema.ts';
import { FIELDS } from './fields.ts';

const replayed = z.boolean().meta({ description: 'Whether an earlier call with this key did it.' });

const REPEATED = ' An earlier call with this idempotency_key did this; nothing was done twice.';

/** What a model has to do about its own text, which stays in the history of the vault. */
const warningOf = ([first, ...others]: readonly Secret[]): string => {
  if (!first) return '';
  const place = first.line === 0 ? 'a tag' : `line ${first.line}`;
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  return ` Warning: ${place} looks like a secret (${first.kind}, ${first.masked})${more}. If it is one, tell the person who connected you now, so that it is replaced: the text stays readable in the vault.`;
};

const answer = (
  value: { secrets?: Secret[] },
  { replayed: again = false }: Standing,
  text: string,
): ToolAnswer => ({
  structured: { ...value, replayed: again },
  text: (again ? text + REPEATED : text) + warningOf(value.secrets ?? []),
});

/** Few answers have it, and their text says it. The list of tools would grow by 500 bytes. */
const UNLISTED = { secrets: true } as const;

const WRITES = { readOnly: false, idempotent: false, fields: FIELDS };

/** The tool that creates vaults. */
export function makeCreateTools({ create }: VaultInputs): Tool[] {
  return [
    tool({
      ...WRITES,
      name: 'vault_create',
      title: 'Create a vault',
      description:
        'Creates an empty vault for one piece of work and returns its id. Give the id to the agents that are to share it. Call vault_list first, because the vault may exist. The summary is one line that says what the work is and how far it is. Send a fresh idempotency_key, and the same one when you repeat a call whose answer you did not get.',
      input: create,
      output: CreatedVault.omit(UNLISTED).extend({ replayed }),
      toInput: (args) => args,
      render: (value: z.output<typeof CreatedVault>, _, standing) =>
        answer(value, standing, `Created vault ${value.vault_id}. Its first entry is e1: call vault_write.`),
    }),
  ];
}

/** The tool that writes entries. */
export function makeWriteTools({ write }: VaultInputs): Tool[] {
  return [
    tool({
      ...WRITES,
      name: 'vault_write',
      title: 'Write an entry',
      description:
        'Writes into a vault. Without entry_id it appends a new entry. With entry_id it writes the next version of that entry; send expected_version with the version that you read, so that you do not hide what another agent wrote meanwhile. If that version is outdated, the answer is an error with the current text: merge, then call again with its version. Send a fresh idempotency_key with every new text, and the same one when you repeat a call whose answer you did not get. Write what another agent needs to continue: state, decisions with reasons, next steps, files. Never write secrets.',
      input: write,
      output: WriteResult.omit(UNLISTED).extend({ replayed }),
      toInput: (args) => args,
      render: (value: z.output<typeof WriteResult>, { vault_id }, standing) => {
        const { entry_no, version, seq } = value;
        return answer(value, standing, `Wrote e${entry_no} v${version} of vault ${vault_id} at seq ${seq}.`);
      },
    }),
  ];
}

/** The tool that replaces summaries. */
export function makeSummaryTools({ setSummary }: VaultInputs): Tool[] {
  return [
    tool({
      ...WRITES,
      name: 'vault_set_summary',
      title: 'Replace the summary of a vault',
      description:
        'Replaces the one-line summary that vault_list shows. Earlier summaries stay in the history of entry 0. Do this when the state of the work changes.',
      input: setSummary,
      output: SummaryResult.omit(UNLISTED).extend({ replayed }),
      toInput: (args) => args,
      render: (value: z.output<typeof SummaryResult>, { vault_id }, standing) =>
        answer(value, standing, `Replaced the summary of vault ${vault_id}.`),
    }),
  ];
}
