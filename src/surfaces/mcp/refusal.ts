import type { CallToolResult } from '@modelcontextprotocol/server';
import type { FastifyRequest } from 'fastify';
import type { ErrorCode, RelayError } from '../../errors.ts';
import { isFailure } from '../../errors.ts';
import { logFailure } from '../../http/edge/error-handler.ts';
import { toPublicError } from '../../http/edge/public-error.ts';
import { noteRefusal } from '../../http/edge/refusals.ts';
import { fenced, noteOf } from '../../vault/tools/notes.ts';

/** Metadata of a refused call, for programs. A model reads the text. */
export const REFUSAL_META = 'vault-relay/error';

const ADVICE: Partial<Record<ErrorCode, string>> = {
  BAD_REQUEST: 'Correct the arguments, then call again.',
  UNAUTHORIZED: 'Do not repeat the call. Ask the person who connected you for a new key.',
  FORBIDDEN:
    'Do not repeat the call. Use a vault that vault_list shows, or ask the person who connected you.',
  NOT_FOUND: 'Call vault_list for the vaults, or vault_read for the entries that exist.',
  CONFLICT: 'Repeat an unanswered call with its own arguments and key; send a new text with a fresh key.',
  PAYLOAD_TOO_LARGE: 'Shorten the text, or spread it over several entries.',
  POSSIBLE_SECRET:
    'Write the text again without the secret, and say where it is kept. Send allow_secret only if the match is a false alarm.',
  ANSWER_TOO_LARGE: 'Ask for less: send a smaller limit.',
  INTERNAL_SERVER_ERROR: 'Tell the person who connected you if this happens again.',
};

/** What a model does next. */
function adviceFor({ code, retryAfter, details }: RelayError): string {
  const { current, outcome } = details;
  if (current) {
    const target =
      current.entry_no === 0
        ? 'vault_set_summary with expected_summary_version'
        : 'vault_write with expected_version';
    return `Merge your text with this version, then call ${target} ${current.version} and a fresh idempotency_key.`;
  }
  if (outcome === 'unknown') return 'Repeat the call with the same arguments and the same idempotency_key.';
  if (retryAfter !== undefined) return `Call again in ${retryAfter} s.`;
  return ADVICE[code] ?? '';
}

/**
 * Notes a refusal for the metrics and the audit log, and logs a failure of the server.
 * @param call the operation that was refused
 * @returns the error that the client may see
 */
export function settleRefusal(
  thrown: unknown,
  request: FastifyRequest,
  call: string | undefined,
): RelayError {
  const refused = toPublicError(thrown);
  noteRefusal(request, { code: refused.refusal, ...(call !== undefined && { call }) });
  if (isFailure(refused.code)) logFailure(request, thrown);
  return refused;
}

/** A refusal as the result of a tool, so that the model reads it and acts on it. */
export function toToolResult(refused: RelayError): CallToolResult {
  const { code, message, retryAfter, details } = refused;
  const current = details.current ? fenced([noteOf(details.current)]) : '';
  const text = [message, current, adviceFor(refused)].filter((part) => part !== '').join('\n\n');
  const meta = { code, message, ...details, ...(retryAfter !== undefined && { retry_after: retryAfter }) };
  return { isError: true, content: [{ type: 'text', text }], _meta: { [REFUSAL_META]: meta } };
}
