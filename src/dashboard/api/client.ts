import {
  createTRPCClient,
  httpBatchLink,
  httpSubscriptionLink,
  splitLink,
  type TRPCClient,
  TRPCClientError,
} from '@trpc/client';
import { EventSource } from 'eventsource';
import type { AppRouter } from '../../api/router.ts';
import type { Credentials } from './credentials.ts';

export type Client = TRPCClient<AppRouter>;

/** Calls that the server takes in one request. */
const MAX_BATCH_SIZE = 20;
/** Queries travel in the address, and a server reads no more than 16 KiB of address and headers. */
const MAX_URL_LENGTH = 8000;

/** An address of the server, also where a proxy serves it under a path. */
export const serverUrl = (path: string): string => new URL(path, document.baseURI).href;

function proofOf(credentials: Credentials): { authorization: string; query: string } {
  return credentials.kind === 'session'
    ? {
        authorization: `session ${credentials.session}`,
        query: `?id=${encodeURIComponent(credentials.clientId)}`,
      }
    : { authorization: `dashboard ${credentials.token}`, query: '' };
}

/** The server's procedures as typed functions, called as this person. */
export function makeClient(credentials: Credentials): Client {
  const { authorization, query } = proofOf(credentials);
  const url = `${serverUrl('trpc')}${query}`;
  return createTRPCClient<AppRouter>({
    links: [
      splitLink({
        condition: ({ type }) => type === 'subscription',
        true: httpSubscriptionLink({
          url,
          // The browser's own cannot send a header.
          EventSource,
          eventSourceOptions: {
            fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, authorization } }),
          },
        }),
        false: httpBatchLink({
          url,
          headers: { authorization },
          maxItems: MAX_BATCH_SIZE,
          maxURLLength: MAX_URL_LENGTH,
        }),
      }),
    ],
  });
}

export type ApiError = TRPCClientError<AppRouter>;

/** Whether a call was answered by a refusal of the server, or not at all. */
export const isApiError = (error: unknown): error is ApiError => error instanceof TRPCClientError;

/** @returns the server's code for a call that it refused; undefined when it did not answer */
export const codeOf = (error: unknown): string | undefined =>
  isApiError(error) ? error.data?.code : undefined;

/** Whether trying again can help: the server is away, or its database is. */
export const isOutage = (error: unknown): boolean =>
  isApiError(error) && (error.data == null || error.data.httpStatus === 503);
