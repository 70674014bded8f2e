import { ERROR_FACES, type ErrorCode, type ErrorDetails } from '../../src/errors.ts';
import { type RawAnswer, type RawRequest, sendRaw } from './raw-http.ts';

/** One call of a procedure, independent of the surface. */
export interface Call {
  procedure: string;
  vaultId?: string;
  /** JSON text of the input without its `vault_id`. */
  json?: string;
}

export interface Credentials {
  session?: string | undefined;
  clientId?: string | undefined;
}

type Spell = (call: Call, credentials: Credentials) => RawRequest;

type Fields = Record<string, unknown>;

/** The REST address of each procedure. `append` and `override` share one. */
export const REST_FACES: Record<
  string,
  { method: 'GET' | 'POST' | 'DELETE'; path: (vaultId: string, fields: Fields) => string }
> = {
  search: { method: 'GET', path: () => '/api/search' },
  'vault.create': { method: 'POST', path: () => '/api/vault' },
  'vault.list': { method: 'GET', path: () => '/api/vault' },
  'vault.read': { method: 'GET', path: (id) => `/api/vault/${id}` },
  'vault.write': { method: 'POST', path: (id) => `/api/vault/${id}` },
  'vault.append': { method: 'POST', path: (id) => `/api/vault/${id}` },
  'vault.override': { method: 'POST', path: (id) => `/api/vault/${id}` },
  'vault.meta': { method: 'GET', path: (id) => `/api/vault/${id}/meta` },
  'vault.proof': { method: 'GET', path: (id) => `/api/vault/${id}/proof` },
  'vault.removeWriter': {
    method: 'DELETE',
    path: (id, { client_id }) => `/api/vault/${id}/writers/${encodeURIComponent(String(client_id))}`,
  },
  'vault.setSummary': { method: 'POST', path: (id) => `/api/vault/${id}/summary` },
};

const faceOf = (procedure: string) => {
  const face = REST_FACES[procedure];
  if (!face)
    throw new Error(`Say in test/support/surfaces.ts where ${procedure} stands on the REST surface.`);
  return face;
};

const authorization = ({ session }: Credentials): Record<string, string> =>
  session === undefined ? {} : { authorization: `session ${session}` };

const identity = ({ clientId }: Credentials) =>
  clientId === undefined ? '' : `id=${encodeURIComponent(clientId)}`;

export const JSON_BODY = { 'content-type': 'application/json' };

export const toRest: Spell = ({ procedure, vaultId = '', json = '{}' }, credentials) => {
  const { method, path } = faceOf(procedure);
  const fields = (method === 'POST' ? {} : JSON.parse(json)) as Fields;
  const address = `${path(encodeURIComponent(vaultId), fields)}?${identity(credentials)}`;
  const headers = authorization(credentials);
  if (method === 'DELETE') return { method, path: address, headers };
  if (method === 'POST') return { method, path: address, headers: { ...headers, ...JSON_BODY }, body: json };
  const query = Object.entries(fields).map(
    ([name, value]) => `&${name}=${encodeURIComponent(String(value))}`,
  );
  return { method, path: address + query.join(''), headers };
};

/** Puts the vault's id into the JSON text without parsing it, so that broken JSON stays broken. */
function withVaultId(json: string, vaultId: string | undefined): string {
  if (vaultId === undefined || !json.startsWith('{')) return json;
  const rest = json.slice(1);
  return `{"vault_id":${JSON.stringify(vaultId)}${rest.trim() === '}' ? '' : ','}${rest}`;
}

export const toTrpc: Spell = ({ procedure, vaultId, json = '{}' }, credentials) => {
  const { method } = faceOf(procedure);
  const input = withVaultId(json, vaultId);
  const address = `/trpc/${procedure}?${identity(credentials)}`;
  const headers = authorization(credentials);
  return method !== 'GET'
    ? { method: 'POST', path: address, headers: { ...headers, ...JSON_BODY }, body: input }
    : { method, path: `${address}&input=${encodeURIComponent(input)}`, headers };
};

/** How a call ended, in terms that both surfaces share. */
export type Outcome =
  | ({ status: number; code: ErrorCode; message: string } & ErrorDetails)
  | { status: number; result: unknown };

function readRest({ status, text }: RawAnswer): Outcome {
  const body = JSON.parse(text);
  if (status < 300) return { status, result: body };
  const { error, code, outcome, secrets, ...more } = body;
  if (Object.keys(more).length > 0) throw new Error(`Unexpected fields in an error: ${text}`);
  return { status, code, message: error, ...(outcome && { outcome }), ...(secrets && { secrets }) };
}

/** The `ErrorCode` of a tRPC code. Each `ErrorCode` has a different one. */
function fromTrpcCode(trpcCode: string): ErrorCode {
  for (const [code, face] of Object.entries(ERROR_FACES))
    if (face.trpc === trpcCode) return code as ErrorCode;
  throw new Error(`No error has the tRPC code ${trpcCode}`);
}

function readTrpc({ status, text }: RawAnswer): Outcome {
  const body = JSON.parse(text);
  if (status < 300) return { status, result: body.result.data };
  const { message, data } = body.error;
  if (data.httpStatus !== status) throw new Error(`Answered ${status}, and says ${text}`);
  const { outcome, secrets } = data;
  // tRPC has no code of its own for it.
  const code = secrets ? 'POSSIBLE_SECRET' : fromTrpcCode(data.code);
  return { status, code, message, ...(outcome && { outcome }), ...(secrets && { secrets }) };
}

export const SURFACES = {
  rest: { spell: toRest, read: readRest },
  trpc: { spell: toTrpc, read: readTrpc },
};
export type Surface = keyof typeof SURFACES;
export const SURFACE_NAMES = Object.keys(SURFACES) as Surface[];

/** Makes a call on one surface. */
export async function callOn(
  surface: Surface,
  base: string,
  { credentials, ...call }: Call & { credentials: Credentials },
): Promise<Outcome & { answer: RawAnswer }> {
  const { spell, read } = SURFACES[surface];
  const answer = await sendRaw(base, spell(call, credentials));
  return { ...read(answer), answer };
}
