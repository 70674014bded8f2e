import type { TestServer } from './server.ts';

/** An answer of tRPC, with the cookie that it sets. */
export interface PageAnswer {
  status: number;
  /** The result of the call. */
  data: unknown;
  /** The sentence of a refusal. */
  message: string | undefined;
  /** The text of `Set-Cookie`. */
  setCookie: string | undefined;
}

export interface PageCall {
  /** The whole `Cookie` header. */
  cookie?: string | undefined;
  /** Instead of those that the dashboard sends. */
  headers?: Record<string, string>;
  /** Query parameters besides the input. */
  query?: Record<string, string>;
}

/** What the dashboard sends with each call. */
const asPage = (base: string) => ({ 'x-vault-relay-client': 'dashboard', origin: new URL(base).origin });

interface Body {
  result?: { data: unknown };
  error?: { message: string; data?: { httpStatus: number } };
}

/** A stream that is refused has begun by then, and so has the refusal as its only event. */
function readAnswer(text: string): Body {
  const refusal = /event: serialized-error\ndata: (.*)/.exec(text)?.[1];
  return refusal === undefined ? (JSON.parse(text) as Body) : { error: JSON.parse(refusal) };
}

/** Calls a procedure as the dashboard does: a mutation by POST. */
export async function callAsPage(
  base: string,
  [method, procedure, input]: [method: 'GET' | 'POST', procedure: string, input?: unknown],
  { cookie, headers = asPage(base), query = {} }: PageCall = {},
): Promise<PageAnswer> {
  const search = new URLSearchParams(query);
  if (method === 'GET' && input !== undefined) search.set('input', JSON.stringify(input));
  const answer = await fetch(`${base}/trpc/${procedure}?${search}`, {
    method,
    headers: {
      ...headers,
      ...(cookie !== undefined && { cookie }),
      ...(method === 'POST' && { 'content-type': 'application/json' }),
    },
    ...(method === 'POST' && { body: JSON.stringify(input ?? {}) }),
  });
  const { result, error } = readAnswer(await answer.text());
  return {
    status: error?.data?.httpStatus ?? answer.status,
    data: result?.data,
    message: error?.message,
    setCookie: answer.headers.getSetCookie().at(-1),
  };
}

/** The `Cookie` header that a browser makes of a `Set-Cookie`. */
export const cookieOf = ({ setCookie }: PageAnswer): string => {
  const [pair] = setCookie?.split(';') ?? [];
  if (!pair) throw new Error('The answer sets no cookie');
  return pair;
};

/** Signs a person in by a link. @returns the `Cookie` header, and who it is */
export async function signIn(
  { url, people }: Pick<TestServer, 'url' | 'people'>,
  { workSessionId, name }: { workSessionId?: string; name?: string } = {},
): Promise<{ cookie: string; personId: string }> {
  const code = await people.invite({ workSessionId, name });
  const answer = await callAsPage(url, ['POST', 'person.signIn', { code }]);
  if (answer.status !== 200) throw new Error(`Not signed in: ${answer.message}`);
  return { cookie: cookieOf(answer), personId: (answer.data as { person_id: string }).person_id };
}
