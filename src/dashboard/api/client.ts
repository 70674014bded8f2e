import {
  createTRPCClient,
  type HTTPBatchLinkOptions,
  httpBatchLink,
  httpLink,
  httpSubscriptionLink,
  splitLink,
  type TRPCClient,
  TRPCClientError,
} from '@trpc/client';
import { EventSource, type FetchLike } from 'eventsource';
import type { AppRouter } from '../../router.ts';
import { connection, serverUrl } from './connection.ts';
import type { Credentials } from './credentials.ts';

export type Client = TRPCClient<AppRouter>;

type LinkOptions = HTTPBatchLinkOptions<AppRouter['_def']['_config']['$types']>;

/** Maximum calls per batch that the server accepts. */
const MAX_BATCH_SIZE = 20;
/** Queries travel in the address, and a server reads no more than 16 KiB of address and headers. */
const MAX_URL_LENGTH = 8000;

/** What a person looks at is counted apart from what agents do. */
const LOOKING = { 'x-vault-relay-client': 'dashboard' };

/** What a request carries: a header, and parameters of the address. The cookie of a person goes by itself. */
function proofOf(credentials: Credentials): { authorization?: string; query: Record<string, string> } {
  switch (credentials.kind) {
    case 'session':
      return { authorization: `session ${credentials.session}`, query: { id: credentials.clientId } };
    case 'key':
      return { authorization: `session ${credentials.key}`, query: {} };
    case 'operator':
      return { authorization: `dashboard ${credentials.token}`, query: {} };
    case 'person':
      return { query: {} };
  }
}

const queryOf = (parameters: Record<string, string>): string =>
  Object.entries(parameters)
    .map(([name, value], at) => `${at === 0 ? '?' : '&'}${name}=${encodeURIComponent(value)}`)
    .join('');

/** The `Retry-After` of an answer in ms; 0 if there is none. */
function pauseOf({ status, headers }: Response): number {
  if (status < 400) return 0;
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : 0;
}

/** Sends a request; one that only reads waits for the end of a pause. */
async function send(input: RequestInfo | URL, init: RequestInit): Promise<Response> {
  const reads = init.method !== 'POST';
  if (reads) await connection.waitForPause(init.signal);
  try {
    const answer = await fetch(input, init);
    const pause = pauseOf(answer);
    if (pause > 0) connection.reportPause(pause);
    return answer;
  } catch (error) {
    if (!init.signal?.aborted) connection.reportLost();
    throw error;
  }
}

/**
 * What `EventSource` asks with: the one of browsers cannot send a header, and none comes back after a status like 503.
 * @param onEnded called when the server no longer accepts the session
 */
const makeStreamFetch =
  (headers: Record<string, string>, onEnded: () => void): FetchLike =>
  async (input, init) => {
    const answer = await send(input, { ...init, headers: { ...init.headers, ...headers } });
    if (answer.status === 401) onEnded();
    if (answer.status === 429 || answer.status >= 500) {
      await answer.body?.cancel();
      throw new Error(`The server answered ${answer.status}`);
    }
    return answer;
  };

/** Whether a call goes by itself: the answers of a batch come together, so that others would wait for a slow one. */
const goesAlone = ({ type, input }: { type: string; input: unknown }): boolean =>
  type === 'mutation' || (typeof input === 'object' && input !== null && 'q' in input);

interface ClientOptions {
  /** Called when the server no longer accepts the credentials. */
  onEnded?: () => void;
  /** The work session that an operator acts in. */
  workSession?: string;
}

/** The server's procedures as typed functions, called as this person. */
export function makeClient(credentials: Credentials, options: ClientOptions = {}): Client {
  const { onEnded = () => undefined, workSession } = options;
  const { authorization, query } = proofOf(credentials);
  const parameters = workSession === undefined ? query : { ...query, work_session: workSession };
  const url = `${serverUrl('trpc')}${queryOf(parameters)}`;
  const headers = { ...(authorization !== undefined && { authorization }), ...LOOKING };
  const links = { url, headers, fetch: send as NonNullable<LinkOptions['fetch']> };
  return createTRPCClient<AppRouter>({
    links: [
      splitLink({
        condition: ({ type }) => type === 'subscription',
        true: httpSubscriptionLink({
          url,
          EventSource,
          eventSourceOptions: { fetch: makeStreamFetch(headers, onEnded) },
        }),
        false: splitLink({
          condition: goesAlone,
          true: httpLink(links),
          false: httpBatchLink({ ...links, maxItems: MAX_BATCH_SIZE, maxURLLength: MAX_URL_LENGTH }),
        }),
      }),
    ],
  });
}

export type ApiError = TRPCClientError<AppRouter>;

/** Whether the server refused a call, or did not answer it. */
export const isApiError = (error: unknown): error is ApiError => error instanceof TRPCClientError;

/** @returns the server's code for a call that it refused; undefined when it did not answer */
export const codeOf = (error: unknown): string | undefined =>
  isApiError(error) ? error.data?.code : undefined;
