import assert from 'node:assert/strict';
import type { Astation } from './astation.ts';

/** A session on its way, as `POST /api/sessions` answers it. */
export interface Request {
  id: string;
  otp: string;
}

/** One call that needs no session. @throws AssertionError unless the status is the expected one */
export async function call<Body>(
  expected: number,
  method: string,
  url: string,
  body?: unknown,
): Promise<Body> {
  const response = await fetch(url, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const text = await response.text();
  assert.equal(response.status, expected, `${method} ${url} answered ${response.status}: ${text}`);
  return JSON.parse(text) as Body;
}

export const requestSession = (base: string, hostname: string) =>
  call<Request>(201, 'POST', `${base}/api/sessions`, { hostname });

/** Grants a request with the Astation's signature, which binds it too. */
export async function grantSigned(base: string, { id, otp }: Request, astation: Astation): Promise<void> {
  await call(200, 'POST', `${base}/api/sessions/${id}/grant`, {
    otp,
    astation_id: astation.id,
    signature: astation.sign(`vault-relay-grant-v1\n${id}\n${otp}\n${astation.id}`),
  });
}

/** Grants a request by its OTP, as a person does on the page: that binds nothing. */
export const grantByOtp = (base: string, { id, otp }: Request) =>
  call(200, 'POST', `${base}/api/sessions/${id}/grant`, { otp });

/** Fetches the token of a granted session, as atem does. */
export async function fetchToken(base: string, { id }: Request): Promise<string> {
  const status = await call<{ status: string; token: string }>(
    200,
    'GET',
    `${base}/api/sessions/${id}/status`,
  );
  assert.equal(status.status, 'granted');
  assert.match(status.token, /^[0-9a-f]{64}$/);
  return status.token;
}
