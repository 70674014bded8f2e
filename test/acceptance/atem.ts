import assert from 'node:assert/strict';

export interface VaultEntry {
  seq: number;
  entry_no: number;
  version: number;
  kind: string;
  writer_id: string;
  content: string;
  created_at: string;
}

/** One atem: a session, a client id, and the requests that the released program sends. */
export class Atem {
  readonly #base: string;
  readonly #session: string;
  readonly #clientId: string;

  constructor(base: string, { session, clientId }: { session: string; clientId: string }) {
    this.#base = base.replace(/\/+$/, '');
    this.#session = session;
    this.#clientId = clientId;
  }

  /** @returns the answer's body. @throws AssertionError unless the status is the expected one */
  async call<Body>(expected: number, method: 'GET' | 'POST', path: string, body?: unknown): Promise<Body> {
    const [route, query = ''] = path.split('?');
    const url = `${this.#base}/api/vault${route}?id=${encodeURIComponent(this.#clientId)}${query && `&${query}`}`;
    const response = await fetch(url, {
      method,
      headers: {
        authorization: `session ${this.#session}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    assert.equal(response.status, expected, `${method} ${route} answered ${response.status}: ${text}`);
    return JSON.parse(text) as Body;
  }
}

/** An entry as atem labels it: `e1 v2 text`. */
export const label = (entry: VaultEntry) => `e${entry.entry_no} v${entry.version} ${entry.content}`;
