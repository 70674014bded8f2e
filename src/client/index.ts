import {
  createTRPCClient,
  type HTTPBatchLinkOptions,
  httpBatchLink,
  httpLink,
  httpSubscriptionLink,
  splitLink,
  type TRPCClient,
} from '@trpc/client';
import { EventSource, type FetchLike } from 'eventsource';
import type { AppRouter } from '../router.ts';
import { completeWatch } from './complete-watch.ts';

export * from './proof.ts';

/** The type of every procedure of the server, for tools of the tRPC family. */
export type { AppRouter };

/** The server's procedures as typed functions, such as `client.vault.list.query()`. */
export type VaultRelayClient = TRPCClient<AppRouter>;

export interface VaultRelayClientOptions {
  /** Where the server is, with or without a slash at its end, e.g. `https://relay.example.org`. */
  url: string;
  /** Id of a granted session, or a key. Either determines the work session of the caller. */
  session: string;
  /**
   * What the caller calls itself: any text that is not empty. It becomes the `writer_id` of what it writes. Left out for a
   * key, which has one.
   */
  clientId?: string;
  /** Used in place of the global `fetch`, e.g. to go through a proxy. */
  fetch?: typeof globalThis.fetch;
}

type LinkOptions = HTTPBatchLinkOptions<AppRouter['_def']['_config']['$types']>;

/** Calls that the server takes in one request. */
const MAX_BATCH_SIZE = 20;
/**
 * Bytes of a write that shares a request. So many of them together stay below the 4 KiB that every server accepts,
 * however small its limits are; a larger write goes alone, and then its own size decides.
 */
const MAX_SHARED_BYTES = 190;
/** Queries travel in the address, and a server reads no more than 16 KiB of address and headers. */
const MAX_URL_LENGTH = 8000;

const utf8 = new TextEncoder();

/** Options of a read that may keep its answer waiting: for rows that are still to come, or for a search. */
const SLOW_OPTIONS = ['wait', 'q', 'writer', 'tag'];

/**
 * Whether a call goes in a request that no other shares. The answers of a batch come together, so that others would wait
 * for a slow one; and a batch of large writes is larger than the server accepts.
 */
function goesAlone({ type, input }: { type: string; input: unknown }): boolean {
  if (type === 'mutation') return utf8.encode(JSON.stringify(input) ?? '').length > MAX_SHARED_BYTES;
  return typeof input === 'object' && input !== null && SLOW_OPTIONS.some((option) => option in input);
}

/**
 * Makes a client of one caller. Small calls of the same moment travel in one request; a subscription has one of its own,
 * which comes back by itself when it is cut. `vault.watch` ends with an error when a row is missing.
 * @returns functions that reject with a `TRPCClientError` for a call that is refused: its `message` is a sentence for
 *   a person, its `data.code` is for a program. A subscription that is refused calls `onError` with the same
 */
export function createVaultRelayClient(options: VaultRelayClientOptions): VaultRelayClient {
  const { session, clientId, fetch } = options;
  const id = clientId === undefined ? '' : `?id=${encodeURIComponent(clientId)}`;
  const url = `${options.url.replace(/\/+$/, '')}/trpc${id}`;
  const headers = { authorization: `session ${session}` };
  /** What `EventSource` asks with: the one of browsers cannot send a header, and none comes back after a status like 503. */
  const fetchStream: FetchLike = async (input, init) => {
    const answer = await (fetch ?? globalThis.fetch)(input, {
      ...init,
      headers: { ...init.headers, ...headers },
    });
    if (answer.status === 429 || answer.status >= 500) {
      await answer.body?.cancel();
      throw new Error(`The server answered ${answer.status}`);
    }
    return answer;
  };
  const linkOptions = {
    url,
    headers,
    ...(fetch ? { fetch: fetch as NonNullable<LinkOptions['fetch']> } : {}),
  };
  return createTRPCClient<AppRouter>({
    links: [
      completeWatch,
      splitLink({
        condition: ({ type }) => type === 'subscription',
        true: httpSubscriptionLink({ url, EventSource, eventSourceOptions: { fetch: fetchStream } }),
        false: splitLink({
          condition: goesAlone,
          true: httpLink(linkOptions),
          false: httpBatchLink({ ...linkOptions, maxItems: MAX_BATCH_SIZE, maxURLLength: MAX_URL_LENGTH }),
        }),
      }),
    ],
  });
}
