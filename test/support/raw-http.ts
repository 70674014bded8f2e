import { type IncomingHttpHeaders, request } from 'node:http';
import { checkAnswer } from './document.ts';

export interface RawRequest {
  method: string;
  /** Raw path and query. They are not normalized or escaped. */
  path: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

export interface RawAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/**
 * Sends a request unchanged. `fetch` would normalize the path and the headers.
 * @throws Error for an answer that is not documented
 */
export async function sendRaw(base: string, request: RawRequest): Promise<RawAnswer> {
  const answer = await sendUnchecked(base, request);
  checkAnswer({ method: request.method, path: request.path, ...answer });
  return answer;
}

/** Sends a request unchanged, and does not check the answer. */
export function sendUnchecked(base: string, { method, path, headers, body }: RawRequest): Promise<RawAnswer> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
