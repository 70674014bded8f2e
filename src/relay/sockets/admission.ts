import type { FastifyRequest } from 'fastify';
import { unknownCredential } from '../../access/caller.ts';
import type { CredentialCache } from '../../access/credential-cache.ts';
import { badRequest, forbidden, tooManyRequests } from '../../errors.ts';
import { networkOf } from '../../net/address.ts';
import type { Hub } from '../hub.ts';
import { isAstationId } from '../key-proof.ts';
import type { AstationDeps } from './astation-session.ts';
import type { Connections } from './connections.ts';

export interface AdmissionDeps extends Pick<AstationDeps, 'rooms' | 'astations'> {
  hub: Hub;
  connections: Connections;
  credentials: CredentialCache;
  /** Maximum sockets of one address. */
  maxPerAddress: number;
  /** Whether a page of this origin may open a socket here. */
  isAllowedOrigin(origin: string, host: string): boolean;
}

/** The role and room of an admitted socket. */
export type Admission =
  | { role: 'atem'; code: string; credentialHash: string | undefined }
  | { role: 'astation'; code: string; keyRegistered: boolean };

const one = (value: string | string[] | undefined) =>
  typeof value === 'string' && value !== '' ? value : undefined;

function readCode(code: string | undefined): string {
  if (code === undefined) throw badRequest('The query parameter code is missing or empty.');
  if (!isAstationId(code)) throw badRequest('The query parameter code is not a room code.');
  return code;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const PROTOCOLS = new RegExp(`^[ \\t]*${TOKEN}(?:[ \\t]*,[ \\t]*${TOKEN})*[ \\t]*$`);

/** Whether `Sec-WebSocket-Protocol` names each protocol once. */
const areProtocols = (text: string): boolean => {
  const names = text.split(',').map((name) => name.trim());
  return PROTOCOLS.test(text) && new Set(names).size === names.length;
};

/**
 * Checks the headers of the opening handshake (RFC 6455, section 4.2.1), because `ws` would answer in another shape.
 * @throws RelayError `BAD_REQUEST`
 */
function checkHandshake({ headers }: FastifyRequest): void {
  if (!/^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? ''))
    throw badRequest('The header Sec-WebSocket-Key is missing, or is not 16 bytes in base64.');
  if (!['8', '13'].includes(headers['sec-websocket-version'] ?? ''))
    throw badRequest('The header Sec-WebSocket-Version must be 13.');
  const protocols = headers['sec-websocket-protocol'];
  if (protocols !== undefined && !areProtocols(protocols))
    throw badRequest('The header Sec-WebSocket-Protocol must be a list of names, each given once.');
}

/**
 * Decides before the upgrade whether a request may become a socket, because only then can the answer be an HTTP status. An
 * admitted request holds one of its address's places.
 * @throws RelayError `BAD_REQUEST`, `UNAUTHORIZED`, `FORBIDDEN`, `TOO_MANY_REQUESTS`, `SERVICE_UNAVAILABLE`, and the errors
 * of `hub.checkAtem` and `hub.checkAstation`
 */
export async function admit(deps: AdmissionDeps, request: FastifyRequest): Promise<Admission> {
  const { origin } = request.headers;
  if (origin !== undefined && !deps.isAllowedOrigin(origin, request.host)) {
    throw forbidden('Pages of this origin may not connect here; add it to CORS_ORIGIN to allow it.');
  }
  // A request without an upgrade opens no socket, so it takes no place.
  if (!request.ws) return admitRole(deps, request);
  checkHandshake(request);
  const release = await takePlace(deps, request);
  try {
    return await admitRole(deps, request);
  } catch (refusal) {
    release();
    throw refusal;
  }
}

/** Takes a place of the caller's address. Counts on this server first, because concurrent requests must all be counted. */
async function takePlace(
  { connections, rooms, maxPerAddress: max }: AdmissionDeps,
  request: FastifyRequest,
): Promise<() => void> {
  const address = networkOf(request.address);
  const release = connections.claim(address, {
    max,
    stream: request.raw.socket,
    left: (here) => rooms.placesLeft(address, here),
  });
  const full = () => tooManyRequests('Too many sockets from this address.', 10);
  if (!release) throw full();
  try {
    if (await rooms.takePlace({ address, here: connections.countOf(address), max })) return release;
  } catch (unreachable) {
    release();
    throw unreachable;
  }
  release();
  throw full();
}

async function admitRole(deps: AdmissionDeps, request: FastifyRequest): Promise<Admission> {
  const query = request.query as Record<string, string | string[] | undefined>;
  const role = one(query.role);
  if (role === 'astation') return admitAstation(deps, one(query.code));
  if (role !== 'atem') throw badRequest('The query parameter role must be atem or astation.');
  const atem = await admitAtem(deps, one(query.session), one(query.code));
  await deps.hub.checkAtem(atem.code);
  return atem;
}

async function admitAtem(
  { credentials }: AdmissionDeps,
  session: string | undefined,
  code: string | undefined,
): Promise<Admission> {
  if (session === undefined) return { role: 'atem', code: readCode(code), credentialHash: undefined };
  const credential = await credentials.resolve(session);
  if (!credential) throw unknownCredential(session);
  const { workSessionId, scopes, vaults, idHash } = credential;
  // A room carries what concerns every vault of its work session.
  if (workSessionId === null || vaults !== undefined || !scopes.includes('read'))
    throw forbidden('A socket needs a session, or a key with the scope read and for every vault.');
  return { role: 'atem', code: workSessionId, credentialHash: idHash };
}

/**
 * Whether an Astation without a registered key may own a room immediately. A banned Astation may not. If enrolment is closed,
 * it may own pairing rooms only.
 */
async function mayOwnWithoutKey({ astations, hub }: AdmissionDeps, code: string): Promise<boolean> {
  if (await astations.isBanned(code)) return false;
  return astations.enrollmentOpen || (await hub.room(code))?.kind === 'pairing';
}

async function admitAstation(deps: AdmissionDeps, given: string | undefined): Promise<Admission> {
  const { astations, hub } = deps;
  const code = readCode(given);
  const keyRegistered =
    (await astations.findKey(code)) !== undefined || !(await mayOwnWithoutKey(deps, code));
  await hub.checkAstation(code);
  return { role: 'astation', code, keyRegistered };
}
