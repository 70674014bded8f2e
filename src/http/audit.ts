import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ErrorCode } from '../errors.ts';
import { isOperator, type Reader } from '../vault/policy.ts';
import type { VaultStore } from '../vault/store.ts';
import { type NotedRefusal, refusalsOf } from './refusals.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The procedure that a REST route calls. */
    procedure?: string;
  }
}

/**
 * What is refused before any statement runs. What a statement refuses, it keeps by itself; whoever is not known, or is
 * too fast, must not be able to fill a table, and is in the log and the metrics only.
 */
const REFUSED_AT_THE_EDGE: ReadonlySet<string> = new Set<ErrorCode>([
  'BAD_REQUEST',
  'METHOD_NOT_ALLOWED',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
]);

/** `vault.setSummary` is `set_summary` in the log. */
const actionOf = (call: string | undefined) =>
  call?.replace(/^vault\./, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) ?? 'request';

/** As it was sent, if it could be one. */
function vaultOf(request: FastifyRequest): string | undefined {
  const { vault_id: id } = (request.params ?? {}) as { vault_id?: string };
  return id !== undefined && /^[\w-]{1,64}$/.test(id) ? id : undefined;
}

/** @returns undefined where nobody knows who calls */
async function knownReaderOf({ callContext }: FastifyRequest): Promise<Reader | undefined> {
  try {
    return await callContext?.knownReader();
  } catch {
    return undefined;
  }
}

async function keep(
  vaults: Pick<VaultStore, 'noteRefusals'>,
  request: FastifyRequest,
  refused: readonly NotedRefusal[],
): Promise<void> {
  const caller = await knownReaderOf(request);
  if (!caller || isOperator(caller)) return;
  const rows = refused.map(({ code, call }) => ({ action: actionOf(call), outcome: code.toLowerCase() }));
  await vaults.noteRefusals(caller, vaultOf(request), rows).catch((error: Error) => {
    // Nothing was done, and so nothing has to be undone.
    request.log.warn({ reason: error.message }, 'A refusal is missing in the audit log');
  });
}

/** Keeps refusals of calls whose sender is known in the audit log, before they are answered. */
export function installRefusalAudit(app: FastifyInstance, vaults: Pick<VaultStore, 'noteRefusals'>): void {
  app.addHook('onSend', (request, _reply, payload, done) => {
    const refused = refusalsOf(request).filter(({ code }) => REFUSED_AT_THE_EDGE.has(code));
    if (refused.length === 0) done(null, payload);
    else keep(vaults, request, refused).then(() => done(null, payload), done);
  });
}
