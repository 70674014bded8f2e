import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isOperator, type Reader } from '../access/policy.ts';
import { auditActionOf } from '../api/operation.ts';
import type { VaultAudit } from '../audit/vault-audit-store.ts';
import type { RefusalCause } from '../errors.ts';
import type { NotedRefusal } from '../http/edge/refusals.ts';

/**
 * Refusals before any statement runs. Statements audit their own refusals. Unknown callers and rate-limited ones must not
 * be able to fill a table, so they appear only in the log and the metrics.
 */
const REFUSED_AT_THE_EDGE: ReadonlySet<string> = new Set<RefusalCause>([
  'BAD_REQUEST',
  'METHOD_NOT_ALLOWED',
  'MISSING_SCOPE',
  'OTHER_VAULT',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
]);

/** As it was sent, if it could be one. */
function vaultOf(request: FastifyRequest): string | undefined {
  const { vault_id: id } = (request.params ?? {}) as { vault_id?: string };
  return id !== undefined && /^[\w-]{1,64}$/.test(id) ? id : undefined;
}

/** @returns undefined where the caller is unknown */
async function knownReaderOf({ callContext }: FastifyRequest): Promise<Reader | undefined> {
  try {
    return await callContext?.knownReader();
  } catch {
    return undefined; // the refusal itself says why there is no caller
  }
}

async function keep(
  audit: VaultAudit,
  request: FastifyRequest,
  refused: readonly NotedRefusal[],
): Promise<void> {
  const caller = await knownReaderOf(request);
  if (!caller || isOperator(caller)) return;
  const rows = refused.map(({ code, call }) => ({
    action: call === undefined ? 'request' : auditActionOf(call),
    outcome: code.toLowerCase(),
  }));
  await audit.noteRefusals(caller, vaultOf(request), rows).catch((error: Error) => {
    // The call changed nothing, so there is nothing to roll back.
    request.log.warn({ reason: error.message }, 'A refusal is missing in the audit log');
  });
}

/** @returns a function that keeps what was refused since it ran last, or undefined when nothing was */
function makeKeeper(audit: VaultAudit, request: FastifyRequest): () => Promise<void> | undefined {
  let kept = 0;
  return () => {
    const noted = request.refusals ?? [];
    const refused = noted.slice(kept).filter(({ code }) => REFUSED_AT_THE_EDGE.has(code));
    kept = noted.length;
    return refused.length === 0 ? undefined : keep(audit, request, refused);
  };
}

/** Whether calls of a batch of tRPC end one by one while their answers are on the way (`trpc-accept: application/jsonl`). */
const isStreamedBatch = ({ headers }: Response) => headers.get('transfer-encoding') === 'chunked';

/** The same answer, which ends after `last`. */
const endingAfter = (answer: Response, last: () => Promise<void> | undefined): Response =>
  new Response(answer.body?.pipeThrough(new TransformStream({ flush: last })), answer);

/**
 * Adds refusals of known callers to the audit log before the answer ends. A client may close a streamed answer early. The
 * refusals up to then are added when it closes.
 */
export function installRefusalAudit(app: FastifyInstance, audit: VaultAudit): void {
  app.addHook('onSend', (request, reply, payload, done) => {
    const keepNew = makeKeeper(audit, request);
    const keeping = keepNew();
    let answer = payload;
    if (payload instanceof Response && isStreamedBatch(payload)) {
      answer = endingAfter(payload, keepNew);
      reply.raw.once('close', keepNew);
    }
    if (keeping) keeping.then(() => done(null, answer), done);
    else done(null, answer);
  });
}
