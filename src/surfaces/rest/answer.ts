import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { JsonRows } from '../../answer.ts';
import type { Answer } from '../../api/operation.ts';
import { etagOf, isNamed } from './etag.ts';

const JSON_TYPE = 'application/json; charset=utf-8';

/** As bytes, which are held outside of the heap. */
async function* bytesOf(first: string, rest: AsyncGenerator<string>): AsyncGenerator<Buffer> {
  yield Buffer.from(`[${first}`);
  for await (const rows of rest) yield Buffer.from(`,${rows}`);
  yield Buffer.from(']');
}

/** @returns one text or its bytes, or a stream that fetches the next rows once its reader has taken the last */
function payloadOf(rows: JsonRows): string | Buffer | Readable {
  if (rows.body !== undefined) return rows.body;
  const { rowsJson, rest } = rows;
  if (rest === undefined) return `[${rowsJson}]`;
  return Readable.from(bytesOf(rowsJson, rest), { objectMode: false, highWaterMark: 1 });
}

/** Bytes that the rows take in memory until they are sent. */
const sizeOf = (rows: JsonRows): number =>
  rows.body === undefined ? Math.max(rows.bytes, rows.rowsJson.length) : rows.body.length;

/** The address of this request with another cursor, relative to the server. */
function nextPage(request: FastifyRequest, cursor: string): string {
  // A query may itself contain question marks.
  const [path, ...query] = request.url.split('?');
  const params = new URLSearchParams(query.join('?'));
  params.set('cursor', cursor);
  return `<${path}?${params}>; rel="next"`;
}

/** Sends the metadata of an answer as headers. @returns whether the client already has the answer */
function sendStanding(answer: Answer<unknown>, request: FastifyRequest, reply: FastifyReply): boolean {
  const { head, headHash, next, replayed } = answer;
  if (replayed) reply.header('idempotent-replayed', 'true');
  if (next != null) reply.header('link', nextPage(request, next));
  if (head === undefined) return false;
  const etag = etagOf(head);
  reply.header('x-vault-head', head).header('x-vault-head-hash', headHash).header('etag', etag);
  const named = request.headers['if-none-match'];
  return named !== undefined && isNamed(named, etag);
}

/**
 * Renders an answer on REST: a value by the schema of the route, rows as the database made them, and the rest as headers.
 * @param hold reserves memory for the rows
 * @returns what Fastify sends; undefined where the answer was sent without a body
 * @throws RelayError `SERVICE_UNAVAILABLE` while too many bytes are on their way
 */
export function renderAnswer(
  answer: Answer<unknown>,
  request: FastifyRequest,
  reply: FastifyReply,
  hold: (bytes: number) => void,
): unknown {
  if ('rows' in answer) hold(sizeOf(answer.rows));
  if (sendStanding(answer, request, reply)) {
    reply.code(304).send();
    return undefined;
  }
  if (!('rows' in answer)) return answer.value;
  reply.header('content-type', JSON_TYPE);
  const payload = payloadOf(answer.rows);
  // Nothing more is fetched for an answer that has no body.
  return request.method === 'HEAD' && payload instanceof Readable ? Readable.from([]) : payload;
}
