import { streamPages } from '../db/connection.ts';
import type { AppendOnlyClient } from '../db/prisma.ts';
import { toSafeNumber } from '../numbers.ts';
import { bucketOf } from '../vault/bucket.ts';
import type { AstationLine, VaultLine } from './format.ts';

/** What an export is asked for; undefined: all. */
export interface Scope {
  vaults?: string[] | undefined;
  workSession?: string | undefined;
}

/** A vault as its line has it. */
export type VaultFields = Omit<VaultLine, 'type' | 'position' | 'continued'>;

const whereOf = ({ vaults, workSession }: Scope) => ({
  ...(vaults && { bucket: { in: vaults.map(bucketOf) }, vaultId: { in: vaults } }),
  ...(workSession !== undefined && { workSessionId: workSession }),
});

/** @returns the first of these vaults that does not exist */
export async function findMissing({ vault }: AppendOnlyClient, ids: string[]): Promise<string | undefined> {
  const found = await vault.findMany({ where: whereOf({ vaults: ids }), select: { vaultId: true } });
  const known = new Set(found.map(({ vaultId }) => vaultId));
  return ids.find((id) => !known.has(id));
}

/** Yields ids in the order of bytes, the same on every server. @param from the first one */
export async function* vaultIds(
  { vaultLine }: AppendOnlyClient,
  scope: Scope,
  from: string,
): AsyncGenerator<string> {
  const ids = streamPages<{ vaultId: string }>((after, take) =>
    vaultLine.findMany({
      where: { ...whereOf(scope), byBytes: after ? { gt: after.vaultId } : { gte: from } },
      orderBy: { byBytes: 'asc' },
      select: { vaultId: true },
      take,
    }),
  );
  for await (const { vaultId } of ids) yield vaultId;
}

/** @returns undefined for a vault that does not exist */
export async function findVault(
  { vaultLine }: AppendOnlyClient,
  vaultId: string,
): Promise<VaultFields | undefined> {
  const line = await vaultLine.findFirst({ where: { bucket: bucketOf(vaultId), vaultId } });
  if (!line) return undefined;
  const { keyClientId, key, keyHash } = line;
  const hasKey = keyClientId !== null && key !== null && keyHash !== null;
  return {
    vault_id: line.vaultId,
    work_session_id: line.workSessionId,
    created_by: line.createdBy,
    created_at: line.createdAt,
    writer_list: line.writerList,
    next_entry_no: line.nextEntryNo,
    head: { seq: toSafeNumber(line.headSeq), hash: line.headHash },
    creation_key: hasKey ? { client_id: keyClientId, key, request_hash: keyHash } : null,
  };
}

/** Yields the registered keys behind an Astation, in the order of bytes. */
export async function* astations(
  { astationState }: AppendOnlyClient,
  after: string,
): AsyncGenerator<Omit<AstationLine, 'type' | 'position'>> {
  const found = streamPages<{ astationId: string; publicKey: string | null; registeredAt: string | null }>(
    (last, take) =>
      astationState.findMany({
        where: { astationId: { gt: last?.astationId ?? after }, publicKey: { not: null } },
        orderBy: { astationId: 'asc' },
        select: { astationId: true, publicKey: true, registeredAt: true },
        take,
      }),
  );
  for await (const { astationId, publicKey, registeredAt } of found) {
    yield { astation_id: astationId, public_key: publicKey ?? '', registered_at: registeredAt ?? '' };
  }
}
